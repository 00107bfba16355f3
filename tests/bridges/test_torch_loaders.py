"""A `DataLoader` over tensors gives the batches that PyTorch's own iterator gives."""

import itertools

import pytest
import torch
from multinet_torch_modules import iterate_loader
from torch.utils import data

X, Y = torch.arange(44.0).reshape(11, 4), torch.arange(11)


class Doubled(data.Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return 2 * X[index], Y[index]


class Loader(data.DataLoader):
    def __iter__(self):
        return itertools.islice(super().__iter__(), 2)


SETS = {
    "tensors": data.TensorDataset(X, Y),
    "one tensor": data.TensorDataset(X),
    "subset": data.Subset(data.TensorDataset(X, Y), [7, 2, 5, 0, 9]),
    "of a subset": data.Subset(
        data.Subset(data.TensorDataset(X, Y), [7, 2, 5]), [2, 0]
    ),
    "own": Doubled(),
}
OPTIONS = {
    "in order": {},
    "shuffled": {"shuffle": True},
    "generator": {"shuffle": True, "generator": 5},
    "whole batches": {"drop_last": True},
    "sampler": {"sampler": [3, 1, 4, 1, 0]},
    "last first": {"sampler": [-1, 0]},
    "batch sampler": {"batch_sampler": [[0, 1], [1]]},
    "no batches": {"batch_size": None},
    "own collate": {"collate_fn": lambda rows: torch.stack([row[0] for row in rows])},
}


def passes(of, iterate):
    """Return two passes, the shuffled rows that PyTorch's random numbers give."""
    torch.manual_seed(3)
    loader = of()
    found = [list(iterate(loader)) for _ in range(2)]
    return found, torch.rand(3)  # as many random numbers were drawn


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", SETS)
def test_batches_and_random_numbers_are_those_of_the_loader(name, options):
    given = dict(OPTIONS[options])
    if name in ("subset", "of a subset") and "sampler" in options:
        given = {k: [0, 1] if k == "sampler" else [[1, 0]] for k in given}
    if "batch_sampler" not in given:
        given = {"batch_size": 3, **given}

    def loader():
        if "generator" in given:
            own = torch.Generator().manual_seed(given["generator"])
            return data.DataLoader(SETS[name], **(given | {"generator": own}))
        return data.DataLoader(SETS[name], **given)

    (wanted, after), (found, left) = (
        passes(loader, iter),
        passes(loader, iterate_loader),
    )
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    assert torch.equal(after, left)


def test_a_loader_of_a_class_of_the_program_is_asked_itself():
    assert len(list(iterate_loader(Loader(SETS["tensors"], batch_size=2)))) == 2


def test_rows_that_are_not_there_are_an_error():
    loader = data.DataLoader(SETS["tensors"], batch_size=2, sampler=[0, 99])
    with pytest.raises(IndexError):
        list(iterate_loader(loader))


def test_tensors_are_taken_whole(monkeypatch):
    """One indexing a batch: the data set itself is never asked for a sample."""
    loader = data.DataLoader(SETS["tensors"], batch_size=4)
    monkeypatch.delattr(data.TensorDataset, "__getitem__")
    assert [len(x) for x, _ in iterate_loader(loader)] == [4, 4, 3]
