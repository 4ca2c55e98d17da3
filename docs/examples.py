"""Draws the example pictures of the page: `python docs/examples.py captioner/ui/examples`.

Our own, because the photos that the model was trained on are not ours to publish. They are painted
much as photos look (light, haze, texture), since the model has seen nothing else.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from drawing import draw as sunset
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 480, 360
Colour = tuple[int, int, int]


def ground(top: Colour, bottom: Colour, grain: float = 8, seed: int = 0) -> Image.Image:
    """A surface from one colour above to another below, with grain."""
    rng = np.random.default_rng(seed)
    share = np.linspace(0, 1, HEIGHT)[:, None, None]
    pixels = (1 - share) * np.array(top) + share * np.array(bottom)
    coarse = Image.fromarray((rng.random((HEIGHT // 6, WIDTH // 6)) * 255).astype(np.uint8))
    noise = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) / 255 - 0.5
    pixels = pixels + grain * (noise[..., None] * 3 + rng.standard_normal((HEIGHT, WIDTH, 1)) / 2)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def landscape(seed: int) -> Image.Image:
    """Sky above grass."""
    image = ground((110, 160, 225), (205, 225, 245), 3, seed)
    grass = ground((60, 120, 40), (95, 165, 60), 16, seed + 1)
    image.paste(grass.crop((0, 0, WIDTH, HEIGHT - 190)), (0, 190))
    pen = ImageDraw.Draw(image)
    rng = np.random.default_rng(seed)
    for x in range(-20, WIDTH, 24):
        r = int(rng.integers(22, 44))
        shade = int(rng.integers(40, 75))
        leaves = (shade - 15, shade + 40, shade - 10)
        pen.ellipse((x, 190 - r, x + 2 * r, 190 + r // 3), fill=leaves)
    return image


def dog(pen: ImageDraw.ImageDraw, x: int, y: int, coat: Colour, size: float = 1.0) -> None:
    """A dog that runs to the right, its feet at y."""
    dark = tuple(int(0.7 * c) for c in coat)

    def at(dx: float, dy: float) -> tuple[float, float]:
        return x + dx * size, y - dy * size

    def limb(points: list[tuple[float, float]], width: float, fill: Colour) -> None:
        pen.line([at(*p) for p in points], fill=fill, width=int(width * size), joint="curve")
        for p in points:
            cx, cy = at(*p)
            r = width * size / 2
            pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)

    for points in ([(25, 55), (5, 35), (-15, 12)], [(120, 55), (140, 30), (165, 18)]):
        limb(points, 15, dark)
    limb([(5, 80), (-25, 105), (-50, 108)], 9, coat)
    pen.ellipse((*at(0, 105), *at(140, 48)), fill=coat)
    limb([(120, 88), (150, 115)], 34, coat)
    for points in ([(20, 60), (35, 35), (20, 5)], [(115, 60), (125, 30), (112, 3)]):
        limb(points, 17, coat)
    pen.ellipse((*at(135, 148), *at(190, 100)), fill=coat)
    pen.rounded_rectangle((*at(172, 130), *at(215, 106)), 10 * size, fill=coat)
    pen.ellipse((*at(205, 130), *at(218, 118)), fill=(20, 18, 18))
    pen.polygon([at(140, 146), at(128, 100), at(150, 116), at(158, 144)], fill=dark)
    pen.ellipse((*at(168, 137), *at(175, 129)), fill=(20, 18, 18))


def finish(image: Image.Image) -> Image.Image:
    """As a lens would show it."""
    return image.filter(ImageFilter.GaussianBlur(1.4))


def dog_on_grass() -> Image.Image:
    """A brown dog runs on grass."""
    image = landscape(1)
    pen = ImageDraw.Draw(image)
    pen.ellipse((130, 288, 370, 316), fill=(45, 90, 30))
    dog(pen, 140, 302, (150, 92, 45), 1.15)
    return finish(image)


def beach() -> Image.Image:
    """Two people at sunset, as on the README's picture."""
    return sunset().resize((WIDTH, HEIGHT * 8 // 9)).convert("RGB")


def bus() -> Image.Image:
    """A red bus on a street."""
    image = ground((190, 205, 220), (215, 220, 225), 3, 5)
    pen = ImageDraw.Draw(image)
    rng = np.random.default_rng(2)
    for x in range(0, WIDTH, 80):
        top, shade = int(rng.integers(20, 110)), int(rng.integers(110, 165))
        pen.rectangle((x, top, x + 78, 260), fill=(shade, shade - 12, shade - 25))
        for wx in range(x + 10, x + 70, 20):
            for wy in range(top + 12, 240, 26):
                pen.rectangle((wx, wy, wx + 10, wy + 15), fill=(70, 85, 100))
    street = ground((85, 85, 88), (62, 62, 66), 8, 6)
    image.paste(street.crop((0, 0, WIDTH, 110)), (0, 250))
    pen.rectangle((0, 246, WIDTH, 256), fill=(150, 148, 142))
    for x in range(-10, WIDTH, 90):
        pen.polygon([(x, 338), (x + 46, 338), (x + 42, 344), (x - 4, 344)], fill=(225, 222, 210))
    pen.ellipse((70, 292, 420, 322), fill=(40, 40, 44))
    red, dark = (190, 28, 30), (140, 18, 22)
    pen.rounded_rectangle((75, 90, 410, 302), 16, fill=red)
    pen.rectangle((75, 190, 410, 200), fill=(235, 225, 205))
    for wy in (106, 208):
        for wx in range(90, 390, 52):
            pen.rectangle((wx, wy, wx + 42, wy + 46), fill=(55, 70, 85))
            pen.polygon([(wx, wy), (wx + 18, wy), (wx, wy + 24)], fill=(120, 145, 165))
    pen.rectangle((360, 208, 398, 292), fill=dark)
    pen.rectangle((364, 212, 394, 286), fill=(60, 75, 90))
    for cx in (140, 330):
        pen.ellipse((cx - 27, 278, cx + 27, 332), fill=(25, 25, 27))
        pen.ellipse((cx - 13, 292, cx + 13, 318), fill=(150, 150, 152))
    pen.ellipse((398, 268, 412, 282), fill=(250, 240, 190))
    return finish(image)


def pizza() -> Image.Image:
    """A pizza on a wooden table."""
    image = ground((150, 100, 58), (120, 76, 42), 6, 7)
    pen = ImageDraw.Draw(image)
    for y in range(0, HEIGHT, 60):
        pen.line([(0, y), (WIDTH, y + 6)], fill=(88, 56, 30), width=3)
    rng = np.random.default_rng(3)
    pen.ellipse((82, 30, 400, 348), fill=(95, 60, 34))
    pen.ellipse((74, 20, 394, 340), fill=(240, 240, 238))
    pen.ellipse((90, 36, 378, 324), fill=(196, 140, 70))
    pen.ellipse((104, 50, 364, 310), fill=(196, 60, 30))
    for _ in range(170):
        angle, far = rng.random() * 6.283, 122 * rng.random() ** 0.5
        x, y, r = 234 + far * np.cos(angle), 180 + far * np.sin(angle), rng.integers(8, 20)
        tone = int(rng.integers(-18, 18))
        cheese = (240 + tone // 2, 205 + tone, 110 + tone)
        pen.ellipse((x - r, y - r * 0.8, x + r, y + r * 0.8), fill=cheese)
    for n in range(9):
        angle = n * 2.4
        far = 30 + 10 * n % 90
        x, y = 234 + far * np.cos(angle), 180 + far * np.sin(angle)
        pen.ellipse((x - 19, y - 18, x + 19, y + 18), fill=(150, 35, 28))
        pen.ellipse((x - 15, y - 15, x + 13, y + 12), fill=(182, 52, 40))
    for _ in range(26):
        angle, far = rng.random() * 6.283, 115 * rng.random() ** 0.5
        x, y = 234 + far * np.cos(angle), 180 + far * np.sin(angle)
        pen.ellipse((x - 7, y - 3, x + 7, y + 4), fill=(50, 105, 40))
    return finish(image)


def snowman() -> Image.Image:
    """A snowman, which looks to the model like something that it has seen more often."""
    image = ground((150, 175, 205), (215, 225, 238), 3, 11)
    snow = ground((235, 240, 247), (215, 223, 235), 5, 12)
    image.paste(snow.crop((0, 0, WIDTH, 130)), (0, 230))
    pen = ImageDraw.Draw(image)
    for x in (40, 420, 370):
        for n in range(4):
            wide, foot = 22 + 9 * n, 132 + 34 * n
            branches = [(x, 70 + 34 * n), (x - wide, foot), (x + wide, foot)]
            pen.polygon(branches, fill=(32, 62 + 6 * n, 45))
    pen.ellipse((140, 318, 350, 350), fill=(190, 200, 216))
    for cy, r in ((268, 74), (172, 54), (98, 38)):
        pen.ellipse((235 - r, cy - r, 235 + r, cy + r), fill=(214, 222, 234))
        pen.ellipse((235 - r, cy - r, 235 + r - 8, cy + r - 8), fill=(246, 249, 253))
    for x in (222, 248):
        pen.ellipse((x - 5, 84, x + 5, 95), fill=(25, 25, 28))
    pen.polygon([(236, 98), (236, 108), (278, 106)], fill=(230, 125, 30))
    for y in (150, 175, 200):
        pen.ellipse((228, y, 240, y + 11), fill=(30, 30, 34))
    pen.rectangle((196, 62, 274, 70), fill=(30, 30, 36))
    pen.rectangle((208, 18, 262, 66), fill=(30, 30, 36))
    pen.rectangle((202, 128, 268, 140), fill=(180, 40, 45))
    pen.line([(185, 160), (120, 120)], fill=(90, 60, 35), width=6)
    pen.line([(285, 160), (350, 118)], fill=(90, 60, 35), width=6)
    return finish(image)


EXAMPLES: dict[str, Callable[[], Image.Image]] = {
    "dog": dog_on_grass,
    "beach": beach,
    "bus": bus,
    "pizza": pizza,
    "snowman": snowman,
}


def main() -> None:
    """Draw all of them into a folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in EXAMPLES.items():
        draw().save(folder / f"{name}.jpg", quality=82)


if __name__ == "__main__":
    main()
