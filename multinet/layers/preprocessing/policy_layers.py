"""Image layers that choose among others at random: RandAugment and AugMix."""

from __future__ import annotations

from typing import Any

import optree

from multinet import ops, random
from multinet.layers.arguments import positive
from multinet.layers.preprocessing.affine_layers import (
    RandomRotation,
    RandomShear,
    RandomTranslation,
)
from multinet.layers.preprocessing.color_layers import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
    Range,
    Solarization,
)
from multinet.layers.preprocessing.factors import (
    INTERPOLATIONS,
    Factor,
    choice,
    factor_of,
    value_range_of,
)
from multinet.layers.preprocessing.filter_layers import RandomSharpness
from multinet.layers.preprocessing.histogram_layers import AutoContrast, Equalization
from multinet.layers.preprocessing.image_layer import (
    ImageLayer,
    RandomImageLayer,
    Sizes,
)
from multinet.registry import current
from multinet.typing import Seed, Tensor, Tree


class Choosing(RandomImageLayer):
    """A layer that applies some of its `choices`, drawn for a whole batch."""

    def __init__(
        self,
        value_range: Range = (0, 255),
        factor: Factor = 0.5,
        interpolation: str = "bilinear",
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **options)
        self.value_range = value_range_of(value_range)
        self.factor = factor_of("factor", factor, 0, 1)
        self.interpolation = choice("interpolation", interpolation, INTERPOLATIONS)
        self.choices = self._made()

    def _made(self) -> dict[str, ImageLayer]:
        """Return the layers to choose from, by name."""
        factor, shared = self.factor, self._shared()
        drawn = {**shared, "seed": self.generator}
        colors = {**drawn, "value_range": self.value_range}
        moves = {**drawn, "interpolation": self.interpolation}
        fixed = {**shared, "value_range": self.value_range}
        return {
            "random_shear": RandomShear(factor, factor, **moves),
            "random_translation": RandomTranslation(factor, factor, **moves),
            "random_rotation": RandomRotation(factor, **moves),
            "random_brightness": RandomBrightness(factor, **colors),
            "random_color_degeneration": RandomColorDegeneration(factor, **colors),
            "random_contrast": RandomContrast(factor, **colors),
            "random_sharpness": RandomSharpness(factor, **colors),
            "random_posterization": RandomPosterization(
                max(1, int(8 * factor[1])), **colors
            ),
            "solarization": Solarization(factor, factor, **colors),
            "auto_contrast": AutoContrast(**fixed),
            "equalization": Equalization(**fixed),
        }

    def _shared(self) -> dict[str, Any]:
        return {
            "data_format": self.data_format,
            "bounding_box_format": self.bounding_box_format,
            "dtype": self.dtype_policy,
        }

    def _transforms(self, sizes: Sizes, seed: Seed) -> dict[str, Tree]:
        return {name: layer._draw(sizes, seed) for name, layer in self.choices.items()}

    def _chosen(
        self, index: Tensor, method: str, data: Tree, transforms: dict[str, Tree]
    ) -> Tree:
        """Return data changed by the layer of an index; past the last, as they are.

        Only that layer runs.
        """

        def branch(name: str, layer: ImageLayer) -> Any:
            return lambda data: getattr(layer, method)(data, transforms[name])

        branches = [branch(name, layer) for name, layer in self.choices.items()]
        known = current().known(index)  # outside of programs: nothing to compile
        place = index if known is None else int(known)
        return ops.switch(place, [*branches, lambda data: data], data)


class RandAugment(Choosing):
    """Change a batch by `num_ops` layers, one after another, drawn from eleven.

    They shear, translate, rotate, posterize, solarize, equalize, and change brightness,
    color, contrast and sharpness; `factor` is the range of their strengths.

    Source: Cubuk et al., "RandAugment: practical automated data augmentation with a
    reduced search space", 2020.
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        num_ops: int = 2,
        factor: Factor = 0.5,
        interpolation: str = "bilinear",
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            value_range=value_range,
            factor=factor,
            interpolation=interpolation,
            seed=seed,
            data_format=data_format,
            **options,
        )
        self.num_ops = num_ops

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        drawn = random.randint((self.num_ops,), 0, len(self.choices), seed=seed)
        return {"transforms": self._transforms(sizes, seed), "layer_idxes": drawn}

    def _each_of(self, method: str, data: Tree, transformation: Tree) -> Tree:
        for i in range(self.num_ops):
            index = ops.get_item(transformation["layer_idxes"], i)
            data = self._chosen(index, method, data, transformation["transforms"])
        return data

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        return self._each_of("_images", images, transformation)

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return self._each_of("_masks", masks, transformation)

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        given = {name: ops.convert_to_tensor(x) for name, x in bounding_boxes.items()}
        given["boxes"] = ops.cast(given["boxes"], "float32")
        return self._each_of("_boxes", given, transformation)


# Those of the choices that AugMix leaves out without `all_ops`.
_OF_ALL = (
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
)


class AugMix(Choosing):
    """Mix a batch with several versions of it, each changed by a chain of layers.

    `num_chains` chains of `chain_depth` layers, drawn from eleven, or seven without
    `all_ops`; some places stay empty. The weights of the chains are drawn from a
    Dirichlet distribution of `alpha`, that of the original from a beta distribution.

    Source: Hendrycks et al., "AugMix: a simple data processing method to improve
    robustness and uncertainty", 2020.
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Factor = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            value_range=value_range,
            factor=factor,
            interpolation=interpolation,
            seed=seed,
            data_format=data_format,
            **options,
        )
        self.num_chains = positive("num_chains", num_chains)
        self.chain_depth = positive("chain_depth", chain_depth)
        self.alpha, self.all_ops = alpha, all_ops
        if not all_ops:
            layers = self.choices.items()
            self.choices = {k: layer for k, layer in layers if k not in _OF_ALL}

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        count = self.num_chains * self.chain_depth
        weights = random.gamma((self.num_chains,), self.alpha, seed=seed)
        shape = (self.num_chains, self.chain_depth)
        many = sizes._replace(n=sizes.n * count)  # a transformation for each place
        return {
            "chain_mixing_weights": ops.divide(weights, ops.sum(weights)),
            "weight_sample": random.beta((), self.alpha, self.alpha, seed=seed),
            "layer_idxes": random.randint(shape, 0, len(self.choices) + 1, seed=seed),
            "transforms": self._transforms(many, seed),
        }

    def _blended(self, method: str, x: Tensor, transformation: Tree) -> Tensor:
        weights = ops.cast(transformation["chain_mixing_weights"], self.compute_dtype)
        kept = ops.cast(transformation["weight_sample"], self.compute_dtype)
        count = ops.shape(x)[0]
        total = ops.zeros_like(x)
        for chain in range(self.num_chains):
            changed = x
            for place in range(self.chain_depth):
                start = (chain * self.chain_depth + place) * count
                own = _part(transformation["transforms"], start, count)
                index = ops.get_item(transformation["layer_idxes"], (chain, place))
                changed = self._chosen(index, method, changed, own)
            weight = ops.get_item(weights, chain)
            total = ops.add(total, ops.multiply(changed, weight))
        rest = ops.multiply(ops.subtract(1.0, kept), total)
        return ops.add(ops.multiply(kept, x), rest)

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        found = self._blended("_images", images, transformation)
        return ops.clip(found, *self.value_range)

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        masks = ops.cast(masks, self.compute_dtype)
        return self._blended("_masks", masks, transformation)


def _part(tree: Tree, start: int, count: int) -> Tree:
    """Return the rows of tensors that belong to one place of the chains."""

    def rows(leaf: Any) -> Any:
        own = slice(start, start + count)
        return ops.get_item(leaf, own) if ops.is_tensor(leaf) else leaf

    return optree.tree_map(rows, tree)
