"""Draws the example pictures of the page: `python docs/examples.py captioner/ui/examples`.

Our own, because the photos that the model was trained on are not ours to publish. They are painted
much as photos look (light, haze, texture), since the model has seen nothing else.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
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


def limb(
    pen: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], width: float, fill: Colour
) -> None:
    """An arm, a leg or a trunk: a thick line with round joints."""
    pen.line(list(points), fill=fill, width=int(width), joint="curve")
    for x, y in points:
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=fill)


def dog(pen: ImageDraw.ImageDraw, x: int, y: int, coat: Colour, size: float = 1.0) -> None:
    """A dog that runs to the right, its feet at y."""
    dark = tuple(int(0.7 * c) for c in coat)

    def at(dx: float, dy: float) -> tuple[float, float]:
        return x + dx * size, y - dy * size

    def part(points: list[tuple[float, float]], width: float, fill: Colour) -> None:
        limb(pen, [at(*point) for point in points], width * size, fill)

    for points in ([(25, 55), (5, 35), (-15, 12)], [(120, 55), (140, 30), (165, 18)]):
        part(points, 15, dark)
    part([(5, 80), (-25, 105), (-50, 108)], 9, coat)
    pen.ellipse((*at(0, 105), *at(140, 48)), fill=coat)
    part([(120, 88), (150, 115)], 34, coat)
    for points in ([(20, 60), (35, 35), (20, 5)], [(115, 60), (125, 30), (112, 3)]):
        part(points, 17, coat)
    pen.ellipse((*at(135, 148), *at(190, 100)), fill=coat)
    pen.rounded_rectangle((*at(172, 130), *at(215, 106)), 10 * size, fill=coat)
    pen.ellipse((*at(205, 130), *at(218, 118)), fill=(20, 18, 18))
    pen.polygon([at(140, 146), at(128, 100), at(150, 116), at(158, 144)], fill=dark)
    pen.ellipse((*at(168, 137), *at(175, 129)), fill=(20, 18, 18))


def finish(image: Image.Image) -> Image.Image:
    """As a lens would show it."""
    return image.filter(ImageFilter.GaussianBlur(1.4))


def dog_on_grass() -> Image.Image:
    """A black dog runs on grass."""
    image = landscape(1)
    pen = ImageDraw.Draw(image)
    pen.ellipse((80, 301, 370, 329), fill=(45, 90, 30))
    dog(pen, 90, 315, (30, 28, 28), 1.4)
    return finish(image)


def beach() -> Image.Image:
    """Two people stand on the sand beside the sea."""
    sea, shore = 190, 262
    image = ground((90, 150, 230), (215, 230, 245), 3, 5)
    image.paste(ground((40, 110, 150), (90, 160, 175), 10, 6).crop((0, 0, WIDTH, 170)), (0, sea))
    image.paste(ground((214, 190, 150), (196, 168, 126), 9, 7).crop((0, 0, WIDTH, 98)), (0, shore))
    pen = ImageDraw.Draw(image)
    x = np.arange(0, WIDTH + 1, 6)
    rng = np.random.default_rng(5)
    for wave in range(3):
        foam = shore - 14 * wave + 4 * np.sin(x / 37 + 2 * wave) + 2 * rng.standard_normal(len(x))
        edge = list(zip(x.tolist(), foam.tolist(), strict=True))
        pen.line(edge, fill=(245, 238, 230), width=6 - 2 * wave)
    standing(pen, 180, 308, 1.35)
    standing(pen, 310, 308, 1.24)
    return finish(image)


def standing(pen: ImageDraw.ImageDraw, x: int, y: int, size: float) -> None:
    """Somebody in dark clothes, with the feet at y."""
    dark = (35, 35, 48)

    def part(points: Sequence[tuple[float, float]], width: float) -> None:
        limb(pen, [(x + dx * size, y - dy * size) for dx, dy in points], width * size, dark)

    for side in (-1, 1):
        part([(4 * side, 62), (14 * side, 30), (16 * side, 0)], 12)
        part([(10 * side, 110), (22 * side, 84), (21 * side, 62)], 9)
    part([(0, 66), (0, 108)], 26)
    head = [x - 11 * size, y - 148 * size, x + 11 * size, y - 124 * size]
    pen.ellipse(head, fill=dark)


def mountains(image: Image.Image, seed: int) -> None:
    """A ridge of snow, with furrows in the shade."""
    pen = ImageDraw.Draw(image)
    x = np.arange(0, WIDTH + 1, 8)
    rng = np.random.default_rng(seed)
    ridge = 150 - 60 * np.abs(np.sin(x / 120)) - 12 * rng.random(len(x))
    outline = list(zip(x.tolist(), ridge.tolist(), strict=True))
    pen.polygon([*outline, (WIDTH, HEIGHT), (0, HEIGHT)], fill=(205, 218, 236))
    for left, top in outline[::2]:
        pen.line([(left, top), (left + 30, top + 60)], fill=(165, 180, 205), width=5)


def skier() -> Image.Image:
    """Somebody in a red jacket skis down a slope."""
    image = ground((70, 120, 200), (170, 205, 240), 2, 3)
    mountains(image, 3)
    slope = Image.new("L", image.size, 0)
    ImageDraw.Draw(slope).polygon([(0, 130), (WIDTH, 230), (WIDTH, HEIGHT), (0, HEIGHT)], fill=255)
    snow = ground((236, 241, 250), (222, 230, 243), 7, 4)
    image.paste(snow, (0, 0), slope.filter(ImageFilter.GaussianBlur(1)))
    pen = ImageDraw.Draw(image)
    for track in (292, 300):
        pen.line([(230, track), (-50, track - 62)], fill=(195, 207, 226), width=4)
    pen.polygon([(190, 288), (320, 322), (310, 334), (180, 300)], fill=(190, 202, 222))
    for y in (276, 285):
        limb(pen, [(188, y), (322, y + 34), (336, y + 32)], 5, (30, 30, 40))
    red = (200, 40, 40)
    limb(pen, [(242, 222), (272, 252), (246, 288)], 18, (35, 38, 52))
    limb(pen, [(248, 222), (284, 256), (264, 294)], 18, (45, 50, 66))
    limb(pen, [(244, 220), (274, 168)], 34, red)
    limb(pen, [(272, 170), (296, 200), (316, 196)], 13, (160, 32, 32))
    limb(pen, [(264, 170), (236, 188), (250, 214)], 13, red)
    for pole in ([(316, 192), (260, 270)], [(250, 212), (184, 254)]):
        pen.line(pole, fill=(40, 40, 45), width=3)
    pen.ellipse((269, 123, 303, 157), fill=(30, 30, 38))
    pen.ellipse((284, 133, 303, 150), fill=(225, 180, 150))
    pen.rectangle((287, 134, 303, 142), fill=(240, 150, 40))
    return finish(image)


def wave() -> Image.Image:
    """The face of a wave, that breaks on the left."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    crest = 120 + 35 * np.sin(x / 170 + 0.6)
    depth = ((y - crest) / 170).clip(0, 1)[..., None]
    face = (1 - depth) * np.array([80, 165, 170]) + depth * np.array([18, 80, 110])
    face = face + 8 * np.sin((y * 0.8 - x * 0.35) / 9 + 3 * np.sin(x / 60))[..., None]
    sea = np.asarray(ground((28, 95, 125), (60, 140, 160), 8, 5))
    pixels = np.where((y > crest)[..., None], face, sea)
    pixels = np.where((y < 60)[..., None], np.array([185, 205, 220]) - 0.3 * y[..., None], pixels)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    foam = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(foam)
    rng = np.random.default_rng(5)

    def bubbles(at_x: np.ndarray, at_y: np.ndarray, least: int) -> None:
        for left, top in zip(at_x, at_y, strict=True):
            r = int(rng.integers(2, 10))
            pen.ellipse((left - r, top - r, left + r, top + r), fill=int(rng.integers(least, 240)))

    along = rng.random(900) * WIDTH
    bubbles(along, 120 + 35 * np.sin(along / 170 + 0.6) + rng.normal(0, 7, 900), 120)
    broken = rng.random(1500) ** 2 * 240
    bubbles(broken, 150 + rng.random(1500) * 170 * (1 - broken / 300), 110)
    bubbles(rng.random(500) * WIDTH, 330 + rng.normal(0, 10, 500), 90)
    image.paste((245, 250, 252), (0, 0), foam.filter(ImageFilter.GaussianBlur(1.5)))
    return image


def surfer() -> Image.Image:
    """Somebody on a surfboard, on a wave."""
    image = wave()
    pen = ImageDraw.Draw(image)
    suit, skin = (40, 60, 140), (205, 150, 115)

    def at(dx: float, dy: float) -> tuple[float, float]:
        return 235 + 0.6 * dx, 190 - 0.6 * dy

    def part(points: list[tuple[float, float]], width: float, fill: Colour) -> None:
        limb(pen, [at(*point) for point in points], 0.6 * width, fill)

    board = [(-85, -62), (60, -86), (92, -82), (70, -74), (-75, -48)]
    pen.polygon([at(*point) for point in board], fill=(240, 240, 235))
    part([(-10, 10), (-40, -22), (-38, -54)], 17, suit)
    part([(-2, 10), (30, -22), (30, -66)], 17, suit)
    part([(-6, 10), (8, 62)], 28, suit)
    part([(10, 60), (48, 52), (78, 62)], 11, skin)
    part([(2, 60), (-36, 56), (-62, 74)], 11, skin)
    head = (*at(1, 103), *at(31, 73))
    pen.ellipse(head, fill=skin)
    pen.chord(head, 170, 350, fill=(50, 35, 25))
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
    "skier": skier,
    "snowman": snowman,
    "surfer": surfer,
}


def main() -> None:
    """Draw all of them into a folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in EXAMPLES.items():
        draw().save(folder / f"{name}.jpg", quality=82)


if __name__ == "__main__":
    main()
