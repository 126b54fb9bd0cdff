"""How long matrix products take: a roofline of operations in whole waves of tiles, and of bytes.

A product of m x k and k x n elements, for g groups (experts) at a time, is made tile by tile; all
cores make one each, then the next ones: what is left of the last wave, and of tiles at the edges,
is lost (NVIDIA, Matrix Multiplication Background User's Guide, 2: tiles of 128 x 256 and 128 x 128,
wave quantisation). It takes no less than its operands and its result take through memory.
"""

from dataclasses import dataclass
from math import ceil

from solvers.steps.chips import USABLE, Chip
from topologies.model.units import Seconds

TILES = ((128, 256), (256, 128), (128, 128))


@dataclass(frozen=True)
class Product:
    """The product of a layer's forward pass: rows of tokens, times a matrix of weights.

    Attributes:
        rows: tokens, of each group.
        inner, columns: of the weights.
        groups: of as many rows and weights of their own.
        low: whether it is made in FP8 where the job is.
    """

    rows: float
    inner: float
    columns: float
    groups: float = 1
    low: bool = True

    @property
    def operations(self) -> float:
        """Count them: two for each weight and row."""
        return 2 * self.rows * self.inner * self.columns * self.groups

    @property
    def taken_in(self) -> float:
        """Count the elements of activations that it reads."""
        return self.rows * self.inner * self.groups

    @property
    def given_out(self) -> float:
        """Count the elements that it writes."""
        return self.rows * self.columns * self.groups


@dataclass(frozen=True)
class Speed:
    """What products run at.

    Attributes:
        peak: operations a second of large products.
        width: bytes of an element that is multiplied.
        result: bytes of an element that is written.
        gradient: bytes of a gradient of a weight, which is added to what is there.
    """

    chip: Chip
    peak: float
    width: int
    result: int
    gradient: int

    def forward(self, product: Product) -> Seconds:
        """Compute the seconds of a forward pass."""
        return self._seconds(product, product.rows, product.inner, product.columns, self.result)

    def backward(self, product: Product) -> Seconds:
        """Compute the seconds of the gradients of what was taken in, and of the weights."""
        inputs = self._seconds(product, product.rows, product.columns, product.inner, self.result)
        added = 2 * self.gradient  # read, and written
        weights = self._seconds(product, product.inner, product.rows, product.columns, added)
        return inputs + weights

    def _seconds(self, product: Product, m: float, k: float, n: float, result: int) -> Seconds:
        groups = product.groups
        read = (m * k + k * n) * groups * self.width
        streamed = (read + m * n * groups * result) / (self.chip.memory_rate * USABLE)
        return max(product.operations / (self.peak * self._fill(m, n, groups)), streamed)

    def _fill(self, m: float, n: float, groups: float) -> float:
        """Compute the part of all cores' tiles that is asked for, with the tiles that suit best."""
        cores = self.chip.cores
        if not cores:
            return 1.0
        best = 0.0
        for high, wide in TILES:
            tiles = ceil(m / high) * ceil(n / wide) * groups
            waves = ceil(tiles / cores)
            best = max(best, m * n * groups / (waves * cores * high * wide))
        return best
