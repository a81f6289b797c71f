"""Feeding with torch: its DataLoader, and indexing of whole batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..feeds import MEAN, PADDING, PLACES, SIDE, STD, Feed, FeedProblem
from ..loading import load


class _Images:
    """A data set of the kind that a DataLoader takes, with the usual transforms.

    Each does to one image what torchvision's class of that name does to a tensor, with the
    same calls of torch: pad, cut where two draws of `randint` say, mirror if a draw of
    `rand` is below 1/2, divide by 255, subtract the mean and divide by the deviation.
    """

    def __init__(self, torch: Any, problem: FeedProblem) -> None:
        self.torch = torch
        self.images = torch.from_numpy(problem.images[:, None, :, :, 0])  # channels first
        self.labels = problem.labels.tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = self.random_crop(self.images[index])
        if self.torch.rand(1) < 0.5:
            image = image.flip(-1)
        return self.normalize(image.to(self.torch.float32).div(255)), self.labels[index]

    def random_crop(self, image: Any) -> Any:
        """As RandomCrop(28, padding=4)."""
        torch = self.torch
        padded = torch.nn.functional.pad(image, [PADDING] * 4, mode="constant", value=0)
        height, width = padded.shape[-2:]
        top = int(torch.randint(0, height - SIDE + 1, size=(1,)).item())
        left = int(torch.randint(0, width - SIDE + 1, size=(1,)).item())
        return padded[..., top : top + SIDE, left : left + SIDE]

    def normalize(self, image: Any) -> Any:
        """As Normalize([mean], [std])."""
        torch = self.torch
        mean = torch.as_tensor([MEAN], dtype=image.dtype).view(-1, 1, 1)
        std = torch.as_tensor([STD], dtype=image.dtype).view(-1, 1, 1)
        return image.sub_(mean).div_(std)


class TorchLoader(Feed):
    """A DataLoader in the process itself."""

    name = "torch DataLoader, 0 workers"
    workers = 0

    def __init__(self, problem: FeedProblem) -> None:
        super().__init__(problem)
        self.torch = torch = load("torch")
        self.loader = torch.utils.data.DataLoader(
            _Images(torch, problem),
            batch_size=problem.batch,
            shuffle=True,
            num_workers=self.workers,
            # Else the processes are started anew for each epoch.
            persistent_workers=self.workers > 0,
            generator=torch.Generator().manual_seed(23),
        )

    def begin(self) -> None:
        self.torch.set_num_threads(self.problem.threads)

    def batches(self) -> Iterator[tuple[Any, Any]]:
        for images, labels in self.loader:
            yield images.numpy(), labels.numpy()


class TorchLoader2(TorchLoader):
    """The same with two processes."""

    name = "torch DataLoader, 2 workers"
    workers = 2


class TorchIndexing(Feed):
    """Padded once; a batch is one indexing with three arrays, then a multiplication and more."""

    name = "torch batched indexing"

    def __init__(self, problem: FeedProblem) -> None:
        super().__init__(problem)
        self.torch = torch = load("torch")
        margin = (PADDING, PADDING)
        padded = np.pad(problem.images[..., 0], ((0, 0), margin, margin))
        self.padded = torch.from_numpy(padded)
        self.labels = torch.from_numpy(problem.labels)
        self.steps = torch.arange(SIDE)

    def begin(self) -> None:
        self.torch.set_num_threads(self.problem.threads)

    def batches(self) -> Iterator[tuple[Any, Any]]:
        torch, steps = self.torch, self.steps
        for chosen in torch.randperm(self.problem.count).split(self.problem.batch):
            rows = torch.randint(PLACES, (len(chosen), 1)) + steps
            columns = torch.randint(PLACES, (len(chosen), 1)) + steps
            mirrored = torch.rand(len(chosen), 1) < 0.5
            columns = torch.where(mirrored, columns.flip(1), columns)
            crops = self.padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]
            images = crops.to(torch.float32).mul_(1 / (255 * STD)).sub_(MEAN / STD)
            yield images.numpy(), self.labels[chosen].numpy()


LOADERS: tuple[type[Feed], ...] = (TorchLoader, TorchLoader2)
