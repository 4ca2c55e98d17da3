"""Draws the picture that the README's screenshot shows: `python docs/drawing.py drawing.png`.

A sunset of our own, because the photos that the model was trained on are not ours to publish.
"""

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT, HORIZON = 960, 640, 400
SUN = (600, 340)


def noise(rng: np.random.Generator, stretch: int) -> np.ndarray:
    """Clouds and waves: random fields of several sizes added up, wider than high."""
    total = np.zeros((HEIGHT, WIDTH))
    for octave in range(2, 8):
        field = Image.fromarray(rng.random((2**octave, max(2, 2**octave // stretch))) * 255)
        total += np.asarray(field.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) / 2**octave
    return (total - total.mean()) / total.std()


def draw() -> Image.Image:
    """Two people on a beach at sunset."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    glow = np.exp(-np.hypot(x - SUN[0], (y - SUN[1]) * 1.6) / 220)[..., None]
    height = (y / HORIZON)[..., None]
    sky = (1 - height) * np.array([70, 80, 130]) + height * np.array([235, 130, 70])
    sky = sky + glow * np.array([120, 110, 60]) + 14 * noise(rng, 3)[..., None]
    depth = ((y - HORIZON) / (HEIGHT - HORIZON))[..., None]
    path = np.exp(-(((x - SUN[0]) / (30 + 260 * np.abs(depth[..., 0]))) ** 2))[..., None]
    waves = noise(rng, 1)[..., None] * 16
    sea = (1 - depth) * np.array([190, 110, 80]) + depth * np.array([50, 45, 65])
    sea = sea + path * np.array([110, 80, 40]) * (0.7 + waves / 40) + waves
    pixels = np.where((y < HORIZON)[..., None], sky, sea)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    pen.ellipse((SUN[0] - 34, SUN[1] - 34, SUN[0] + 34, SUN[1] + 34), fill=(255, 240, 200))
    shore = 548 + 14 * np.sin(np.arange(WIDTH) / 130) + 3 * rng.standard_normal(WIDTH).cumsum() / 9
    beach = [(int(i), int(v)) for i, v in enumerate(shore)]
    pen.polygon([*beach, (WIDTH, HEIGHT), (0, HEIGHT)], fill=(38, 28, 30))
    for left, size in ((330, 1.0), (410, 0.9)):
        person(pen, left, 575, size)
    return image.filter(ImageFilter.GaussianBlur(1.2))


def person(pen: ImageDraw.ImageDraw, x: int, ground: int, size: float) -> None:
    """A silhouette that walks, its feet on the ground."""
    dark = (18, 12, 16)

    def at(dx: float, dy: float) -> tuple[float, float]:
        return x + dx * size, ground - dy * size

    pen.ellipse((*at(-13, 205), *at(13, 175)), fill=dark)
    pen.polygon([at(-20, 172), at(20, 172), at(16, 90), at(-16, 90)], fill=dark)
    for foot in (-26, 24):
        pen.line(
            [at(foot / 4, 95), at(foot / 1.6, 45), at(foot, 0)], fill=dark, width=int(15 * size)
        )
    for hand in (-32, 30):
        pen.line(
            [at(hand / 2, 165), at(hand, 125), at(hand * 0.8, 92)], fill=dark, width=int(9 * size)
        )


if __name__ == "__main__":
    draw().save(sys.argv[1])
