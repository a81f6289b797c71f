"""Why each technique may keep its promise or not: by which mechanism, written by hand.

How it went is computed and stands beside it. So these sentences must hold whatever was measured:
they say what speaks for a technique and what against it, and on what that depends.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """What is known of the mechanism, and where that is from."""

    text: str
    source: str = ""


REASONS = {
    "adam": Reason(
        "A rate of 0.01 without momentum moves the weights by a hundredth of the gradient, however "
        "small that is, while Adam's steps have about the size of its rate whatever the gradient's "
        "scale. So this compares a tuned rate and a step of its own for every weight with an "
        "untuned rate; what is left of it against a tuned one is in the tables of both baselines.",
        "Kingma and Ba 2015, arXiv 1412.6980, section 2.1",
    ),
    "adamw": Reason(
        "Here both sides are tuned in as many trials, so that the difference is the rule's: "
        "scaling by the gradient's own size helps where gradients of some weights are far smaller "
        "than those of others, such as those of rare characters, and little where all are alike. "
        "SGD has momentum and a constant rate here, as AdamW has.",
        "Kunstner et al. 2024, arXiv 2402.19449",
    ),
    "warmup": Reason(
        "Its use is that a larger rate can be borne later, since the first steps, from averages of "
        "few gradients and where the loss is steepest, are small. If the best rate without it is "
        "borne from the beginning, it only makes the first steps shorter, as is likelier for "
        "shallow networks and small batches.",
        "Kalra and Barkeshli 2024, arXiv 2406.09405",
    ),
    "adam_warmup_cosine": Reason(
        "A rate that falls to zero averages the noise of the last steps out, which the end of a "
        "run shows. A target that is reached long before the end is reached while the rate is "
        "still high, so that a schedule for the whole run buys accuracy at the end rather than "
        "time. The other side is untuned, as for Adam.",
        "Loshchilov and Hutter 2017, arXiv 1608.03983",
    ),
    "batch_norm": Reason(
        "It makes the loss smoother, so that larger steps can be taken: fewer epochs where rates "
        "were limited by that, as in deep networks, and few where they weren't. The promise is of "
        "epochs; each step also takes longer, which the time to the target has and this hasn't.",
        "Santurkar et al. 2018, arXiv 1805.11604",
    ),
    "batch_norm_dropout": Reason(
        "Dropout trains a thinner network in each step, which takes more of them and helps where "
        "a network overfits within its run. Beside batch norm it also changes the variance that "
        "the norm's averages have seen, between training and evaluation.",
        "Srivastava et al. 2014, JMLR 15; Li et al. 2018, arXiv 1801.05134",
    ),
    "residual_57": Reason(
        "Without the shortcuts, deep networks were seen to end with a higher training loss than "
        "shallow ones though they could represent the same: it is a matter of optimization. Both "
        "sides have batch norm here, keep half of the width, and have the same short run, in "
        "which 57 layers may end before they are any better.",
        "He et al. 2015, arXiv 1512.03385, figure 1",
    ),
    "augmentation_dropout": Reason(
        "Both make the training samples harder to learn by heart, and the gap is measured on those "
        "samples as they are. In a run of few epochs little has been learned by heart, so the gap "
        "is small to begin with and its share is uncertain; that it is smaller may come of a "
        "higher training loss as well as of a lower validation loss.",
    ),
    "early_stopping": Reason(
        "What it saves is what lies between the best evaluation, plus the patience, and the end of "
        "the run: it depends on how much too long the run was made. A run that still improves at "
        "its end has nothing to save, and noise that looks like a plateau costs accuracy.",
        "Prechelt 1998, “Early Stopping - But When?”",
    ),
    "accumulate": Reason(
        "Four batches make one update of less noise, for the computation of four: it pays if the "
        "noise had kept the rate down, and below a batch size that depends on the problem it "
        "hasn't. It saves three of four updates of the weights, a small part of the time. "
        "What it always saves is memory, of which nothing is promised here.",
        "Shallue et al. 2019, JMLR 20, arXiv 1811.03600",
    ),
    "bfloat16": Reason(
        "Matrix products take half the memory traffic, and instructions for them do twice the "
        "work, where the processor has them; conversions, norms and the updates gain less or "
        "nothing, so small layers gain little. bfloat16 has the range of float32 with 8 bits of "
        "precision, and the float32 masters keep the updates that are too small for it.",
        "Kalamkar et al. 2019, arXiv 1905.12322; Micikevicius et al. 2018, arXiv 1710.03740",
    ),
    "loader": Reason(
        "Threads fill the next batches while the network trains on this one, as far as there are "
        "processors to spare. Waiting can be all but removed, and a run is shorter by no more than "
        "the waiting was of it: see the share of each step in the tables of all measurements.",
    ),
    "augmentation_loader": Reason(
        "As without augmentation, but shifting and mirroring images in NumPy makes more work that "
        "the training would wait for, and native code for it is faster besides.",
    ),
    "all_short": Reason(
        "Gains don't multiply: what two techniques both remedy is gained once, and a part that "
        "doesn't pay on a workload costs its time there. Both this and the tuned SGD that it is "
        "compared with may choose a shorter run, which brings the fall of the rate, and so the "
        "target, forward; plain SGD has a constant rate, and no such end.",
    ),
}


def reason(name: str) -> str:
    """Return the sentences on a technique, with their source; empty if there are none."""
    found = REASONS.get(name)
    if found is None:
        return ""
    return f"{found.text} ({found.source}.)" if found.source else found.text
