"""What the trainings with swiftopt.nn share: batches, accuracy, options."""

import argparse

import numpy as np
import swiftopt


def at_least_one(text):
    """An option's value that must be a whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} must be at least 1")
    return value


def endless(loader):
    """The batches of one epoch after the other."""
    if not len(loader):
        raise ValueError(f"{loader} has no batch: there are fewer samples than a batch has")
    while True:
        yield from loader


def logits_of(net, images, batch_size=500):
    """What the network returns for all images in evaluation mode, as float32."""
    net.eval()
    parts = [
        np.array(swiftopt.cast(net(images[start : start + batch_size]), "float32"))
        for start in range(0, len(images), batch_size)
    ]
    net.train()
    return np.concatenate(parts)


def accuracy(logits, labels):
    """The share of rows whose largest logit is that of the label."""
    return float((logits.argmax(axis=1) == labels).mean())
