"""Bounding boxes by hand: one box in every format, moved, compared; and pictures."""

import numpy as np
import pytest

from multinet import ops, visualization
from multinet.errors import ArgumentError, ShapeError
from multinet.utils import bounding_boxes as boxes

HEIGHT, WIDTH = 10, 8
#: The box from (2, 1) to (6, 4) in an image of 10 rows and 8 columns.
FORMS = {
    "xyxy": [2, 1, 6, 4],
    "yxyx": [1, 2, 4, 6],
    "xywh": [2, 1, 4, 3],
    "center_xywh": [4, 2.5, 4, 3],
    "center_yxhw": [2.5, 4, 3, 4],
    "rel_xyxy": [0.25, 0.1, 0.75, 0.4],
    "rel_yxyx": [0.1, 0.25, 0.4, 0.75],
    "rel_xywh": [0.25, 0.1, 0.5, 0.3],
    "rel_center_xywh": [0.5, 0.25, 0.5, 0.3],
}


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("target", FORMS)
def test_a_box_is_the_same_in_every_format(backend, target):
    for source, numbers in FORMS.items():
        given = np.array([[numbers]], "float32")
        found = boxes.convert_format(given, source, target, HEIGHT, WIDTH)
        np.testing.assert_allclose(numpy(found)[0, 0], FORMS[target], rtol=1e-6)


def test_what_is_no_format_or_no_box_is_refused():
    with pytest.raises(ArgumentError, match="format"):
        boxes.convert_format(np.ones((1, 4)), "xyxz", "xyxy")
    with pytest.raises(ArgumentError, match="Pass both"):
        boxes.convert_format(np.ones((1, 4)), "rel_xyxy", "xyxy", height=3)
    with pytest.raises(ShapeError, match=r"\(..., 4\)"):
        boxes.convert_format(np.ones((1, 3)), "xyxy", "xywh")
    with pytest.raises(ArgumentError, match="convert_format"):
        boxes.crop(np.ones((1, 4)), 0, 0, 2, 2, bounding_box_format="xywh")


def test_boxes_move_with_their_images(backend):
    box = np.array([[[2, 1, 6, 4]]], "float32")
    np.testing.assert_allclose(numpy(boxes.crop(box, 2, 3, 5, 2)), [[[0, 0, 2, 2]]])
    np.testing.assert_allclose(numpy(boxes.pad(box, 2, 3)), [[[5, 3, 9, 6]]])
    cut = boxes.clip_to_image_size({"boxes": box - 4, "labels": [[7]]}, 10, 1)
    np.testing.assert_allclose(numpy(cut["boxes"]), [[[0, 0, 1, 0]]])
    np.testing.assert_array_equal(numpy(cut["labels"]), [[-1]])
    zero, one = np.zeros(1, "float32"), np.ones(1, "float32")
    turn = np.array([90.0], "float32")
    given = (turn, zero, zero, one, zero, zero, 9, 9)  # about (4, 4)
    found = numpy(boxes.affine_transform(box, *given))
    np.testing.assert_allclose(found, [[[1, 2, 4, 6]]], atol=1e-5)


def test_overlaps_are_areas_over_areas(backend):
    first = np.array([[0, 0, 4, 4], [-1, -1, -1, -1]], "float32")
    second = np.array([[2, 2, 6, 6], [0, 0, 4, 4], [8, 8, 9, 9]], "float32")
    found = numpy(boxes.compute_iou(first, second, "xyxy", use_masking=True))
    np.testing.assert_allclose(found, [[4 / 28, 1, 0], [-1, -1, -1]], atol=1e-6)
    found = numpy(boxes.compute_ciou(first[:1], second[:1], "xyxy"))
    # Centres (2, 2) and (4, 4), corners around both (0, 0) and (6, 6), equal shapes.
    np.testing.assert_allclose(found, [4 / 28 - 8 / 72], atol=1e-5)


def test_offsets_from_anchors_go_back_and_forth(backend):
    anchors = np.array([[0, 0, 4, 2]], "float32")
    box = np.array([[1, 1, 3, 5]], "float32")  # centre (2, 3), size (2, 4)
    options = {"variance": [0.1, 0.1, 0.2, 0.2]}
    deltas = boxes.encode_box_to_deltas(anchors, box, "xyxy", "xyxy", **options)
    wanted = [10.0, 0.0, np.log(2) / 0.2, np.log(0.5) / 0.2]  # y, x, height, width
    np.testing.assert_allclose(numpy(deltas)[0], wanted, rtol=1e-5, atol=1e-6)
    levels = boxes.decode_deltas_to_boxes(
        {"P3": anchors}, {"P3": deltas}, "xyxy", "xyxy", **options
    )
    np.testing.assert_allclose(numpy(levels["P3"]), box, rtol=1e-5)


# -- pictures --------------------------------------------------------------------------


def test_boxes_and_masks_are_drawn_into_images():
    images = np.full((1, 20, 20, 3), 0.5, "float32")
    found = {"boxes": [[[5, 6, 15, 16], [0, 0, 3, 3]]], "labels": [[1, -1]]}
    drawn = visualization.draw_bounding_boxes(images, found, "xyxy", color=(9, 8, 7))
    edge = (drawn == [9, 8, 7]).all(-1)[0]
    assert drawn.dtype == np.uint8 and edge[6, 5:15].all() and edge[7:16, 15].all()
    assert not edge[8:14, 8:14].any() and not edge[:4].any()
    named = visualization.draw_bounding_boxes(
        images, found, "xyxy", class_mapping={1: "cat"}, color=(9, 8, 7)
    )
    assert (named == [9, 8, 7]).all(-1).sum() > edge.sum()
    masks = np.zeros((1, 20, 20, 1), "int32")
    masks[0, :5], masks[0, 5:8] = 1, -1
    colored = visualization.draw_segmentation_masks(
        images * 200, masks, color_mapping={0: (0, 0, 0), 1: (255, 0, 0)}, alpha=0.5
    )
    np.testing.assert_array_equal(colored[0, 0, 0], [177, 50, 50])
    np.testing.assert_array_equal(colored[0, 6, 0], [100, 100, 100])
    np.testing.assert_array_equal(colored[0, 9, 0], [50, 50, 50])


def test_galleries_are_written_to_files(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    images = np.random.default_rng(0).uniform(0, 255, (5, 6, 6, 3))
    names = {0: "no", 1: "yes"}
    visualization.plot_image_gallery(
        images, [0, 1, 0, 1, 0], label_map=names, path=tmp_path / "images.png"
    )
    visualization.plot_segmentation_mask_gallery(
        images, 2, y_true=np.ones((5, 6, 6, 1)), path=tmp_path / "masks.png"
    )
    found = {"boxes": np.ones((5, 1, 4)) * [1, 1, 4, 4], "labels": np.ones((5, 1))}
    visualization.plot_bounding_box_gallery(
        images, "xyxy", y_true=found, legend=True, path=tmp_path / "boxes.png"
    )
    assert all(path.stat().st_size > 1000 for path in tmp_path.iterdir())
    with pytest.raises(ArgumentError, match="label_map"):
        visualization.plot_image_gallery(images, [0] * 5)
