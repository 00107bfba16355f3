"""What an object holds: order, addresses, versions, and what it costs to know."""

import copy
import pickle

import pytest

from multinet import holders
from multinet.calls import Within, in_call
from multinet.holders import Holder, Inventory, Part, Watch


class Box(Holder):
    """A holder with a name."""

    _private = frozenset({"cache"})
    _running = frozenset({"count"})
    _lent = frozenset({"guests"})

    def __init__(self, name="box"):
        self.name = name

    def __repr__(self):
        return f"<{self.name}>"


class Leaf(Part):
    """A part that holds nothing."""

    def __init__(self, name="leaf"):
        self.name = name


def names(holder):
    return [part.name for part in holders.parts(holder)]


def paths(root):
    return [path for path, _ in holders.walk(root)]


def version(holder):
    if holder._mark.watched:
        holder._mark.refresh()
    return holder._mark.version


def test_parts_stand_in_the_order_in_which_attributes_came_to_hold_them():
    box = Box()
    box.head = None
    box.tail = Leaf("tail")
    box.row = []
    box.head = Leaf("head")
    box.row.append(Leaf("a"))
    box.last = Leaf("last")
    box.row.append(Leaf("b"))
    assert names(box) == ["tail", "head", "a", "last", "b"]


def test_what_two_lists_got_comes_in_the_order_it_was_made():
    box = Box()
    box.left, box.right = [], []
    made = [Leaf(str(i)) for i in range(4)]
    box.left += [made[0], made[2]]
    box.right += [made[1], made[3]]
    assert names(box) == ["0", "1", "2", "3"]


def test_lists_and_dicts_stay_what_they_are():
    box, row, table = Box(), [Leaf()], {"a": Leaf()}
    box.row, box.table = row, table
    assert box.row is row and type(box.row) is list
    assert box.table is table and type(box.table) is dict


def test_growth_through_another_name_is_seen():
    box, row = Box(), []
    box.row = row
    before = version(box)
    row.append(Leaf("new"))
    assert names(box) == ["new"] and version(box) == before + 1


def test_what_is_replaced_deleted_or_popped_is_gone():
    box = Box()
    box.a, box.row = Leaf("a"), [Leaf("b"), Leaf("c")]
    box.a = Leaf("other")
    assert names(box) == ["b", "c", "other"]
    box.row.pop(0)
    assert names(box) == ["c", "other"]
    del box.row
    assert names(box) == ["other"]
    box.a = None
    assert names(box) == []


def test_a_part_in_two_places_is_there_until_it_left_both():
    box, leaf = Box(), Leaf("leaf")
    box.a, box.row = leaf, [leaf]
    box.a = 3
    assert names(box) == ["leaf"]
    box.row.clear()
    assert names(box) == []


def test_each_part_has_its_first_address_and_aliases_after_it():
    box, leaf = Box(), Leaf("leaf")
    box.a = leaf
    box.table = {"x": [Leaf("deep"), leaf]}
    assert holders.children(box) == [("a", leaf), ("table/x/0", box.table["x"][0])]
    assert [path for path, _ in holders.addresses(box)] == [
        "a",
        "table/x/0",
        "table/x/1",
    ]


def test_a_walk_meets_each_part_once_in_depth_and_ends_in_circles():
    root, inner, other = Box("root"), Box("inner"), Box("other")
    root.inner, root.other = inner, other
    inner.leaf, inner.up = Leaf(), root
    other.same = inner
    assert paths(root) == ["", "inner", "inner/leaf", "other"]
    assert [path for path, _ in holders.all_addresses(root)] == [
        "inner",
        "inner/leaf",
        "inner/up",
        "other",
        "other/same",
        "other/same/leaf",
        "other/same/up",
    ]


def test_a_walk_leaves_out_attributes_of_the_root():
    root = Box("root")
    root.a, root.b = Box("a"), Box("b")
    root.a.leaf = Leaf()
    walked = holders.walk(root, without=frozenset({"a"}))
    assert [path for path, _ in walked] == ["", "b"]


def test_private_and_lent_attributes_hold_nothing():
    box = Box()
    box.cache, box.guests = Leaf(), [Leaf()]
    assert names(box) == []


def test_a_part_may_be_held_without_an_attribute():
    box = Box()
    box._mark.hold(Leaf("weight"))
    box.other = Leaf("other")
    box._mark.hold(Leaf("weight"))
    assert [path for path, _ in holders.children(box)] == [
        "weight",
        "other",
        "weight_1",
    ]


@pytest.mark.parametrize("cycle", [False, True])
def test_lists_that_hold_themselves_are_walked_once(cycle):
    box, row = Box(), [Leaf("a")]
    if cycle:
        row.append(row)
    box.row = row
    assert names(box) == ["a"]


def edits(box, leaf):
    """Yield edits, each with whether it counts."""
    yield lambda: setattr(box, "rate", 0.5), True
    yield lambda: setattr(box, "rate", 0.5), False
    yield lambda: setattr(box, "rate", 0.25), True
    yield lambda: setattr(box, "flag", True), True
    yield lambda: setattr(box, "flag", 1), True
    yield lambda: setattr(box, "function", len), True
    yield lambda: setattr(box, "function", len), False
    yield lambda: setattr(box, "leaf", leaf), True
    yield lambda: setattr(box, "leaf", leaf), False
    yield lambda: setattr(box, "_hidden", 3), False
    yield lambda: setattr(box, "_hidden", [Leaf()]), True
    yield lambda: setattr(box, "row", [leaf]), True
    yield lambda: box.row.append(Leaf()), True
    yield lambda: box.row.reverse(), True
    yield lambda: box.row.__setitem__(0, Leaf()), True
    yield lambda: setattr(box, "numbers", [1, 2]), True
    yield lambda: box.numbers.append(3), False
    yield lambda: setattr(box, "count", 7), False
    yield lambda: setattr(box, "cache", {}), False
    yield lambda: delattr(box, "rate"), True


def test_an_edit_is_a_part_or_a_public_attribute_that_changes():
    box = Box()
    for i, (edit, counts) in enumerate(edits(box, Leaf())):
        before = version(box)
        edit()
        assert (version(box) > before) is counts, i


def test_what_a_call_sets_is_no_edit_unless_it_is_a_part():
    box = Box()
    before = version(box)
    with Within(box):
        assert in_call()
        box.last = object()
        box.seen = 3
        assert version(box) == before
        box.leaf = Leaf()
    assert not in_call()
    assert version(box) == before + 1


def test_a_watch_tells_who_was_edited_and_where():
    root = Box("root")
    root.parts = [Box("a"), Box("b")]
    watch = Watch(part for _, part in holders.walk(root))
    other = Box("unrelated")
    other.leaf = Leaf()
    assert watch.valid() and watch.edits() == []
    root.parts[1].rate = 0.1
    assert not watch.valid()
    assert watch.edits() == [(root.parts[1], "rate")]
    root.parts.append(Box("c"))
    assert (root, "parts") in watch.edits()


def test_a_toggle_that_is_taken_back_leaves_things_alike():
    root = Box("root")
    root.a = Box("a")
    first = Inventory(root)
    root.a._mark.toggled()
    root.a._mark.toggled()
    assert not first.valid() and first.alike(Inventory(root))
    root.a.rate = 1
    assert not first.alike(Inventory(root))


def test_an_inventory_is_kept_while_nothing_changes():
    root = Box("root")
    root.parts = [Box("a")]
    first = holders.inventory(root)
    assert holders.inventory(root) is first
    root.parts.append(Box("b"))
    second = holders.inventory(root)
    assert second is not first
    assert [path for path, _ in second.places] == ["", "parts/0", "parts/1"]


class Counting(list):
    """A list that counts how often it is walked."""

    walks = 0

    def __iter__(self):
        type(self).walks += 1
        return super().__iter__()


def test_a_long_plain_list_is_looked_into_once():
    Counting.walks = 0
    box = Box()
    box.numbers = Counting(range(200_000))
    after = Counting.walks
    for _ in range(5):
        assert holders.inventory(box).places == (("", box),)
    assert Counting.walks == after
    assert box._mark.watched == [(box.numbers, 200_000, "numbers")], (
        "its length is remembered"
    )


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_holds_copies_in_the_same_order(copied):
    root = Box("root")
    root.late = None
    root.row = [Box("a"), Box("b")]
    root.late = Box("late")
    root._mark.hold(Leaf("loose"))
    root.row.append(Leaf("unseen"))
    root.row[0].up, root.guests, root.cache = root, [root.row[1]], object()
    other = copied(root)
    assert names(other) == names(root) == ["a", "b", "late", "loose", "unseen"]
    assert paths(other) == paths(root)
    assert other.row[0].up is other and other.guests[0] is other.row[1]
    assert not hasattr(other, "cache")
    ours, theirs = ({id(x) for _, x in holders.walk(r)} for r in (root, other))
    assert not ours & theirs
    before = version(root), version(other)
    other.row.append(Box("c"))
    assert (version(root), version(other)) == (before[0], before[1] + 1)
