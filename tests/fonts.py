"""The theme's fonts, cut down to what its pages show: `make fonts`, after another version of unfold.

A browser asks for Inter's Latin letters, for those of more languages, or for the whole font, as a page
needs them; of the icons those are left that the theme and the menu name.
"""

import re
import shutil
from importlib.metadata import distribution
from pathlib import Path

# Its own tools: `make fonts` brings them.
from fontTools.subset import Options, Subsetter

# Its own tools: `make fonts` brings them.
from fontTools.ttLib import TTFont

ROOT = Path(__file__).parent.parent
THEME = Path(str(distribution("django-unfold").locate_file("unfold")))
FROM, TO = THEME / "static/unfold/fonts", ROOT / "config/static/unfold/fonts"
ICONS = "material-symbols/Material-Symbols-Outlined.woff2"
# Few can tell the fourth weight, 700, from the third.
WEIGHTS = {"400": "Regular", "500": "Medium", "600 700": "SemiBold"}
LATIN = "U+0000-00FF, U+0152-0153, U+2012-2027, U+2030-203F, U+20AC, U+2122, U+2190-2193, U+2212, U+2713-2718"
LATIN_MORE = "U+0100-0151, U+0154-024F, U+1E00-1EFF, U+20A0-20AB, U+20AD-20BF"
# Greek, Cyrillic and whatever else it has; symbols are the system's.
OTHERS = "U+0250-1DFF, U+1F00-1FFF"
# As the theme's pages, styles and code, and the importer's, name an icon.
NAMED = re.compile(
    r"material-symbols-outlined[^>]*>([^<]+)<|content:\"([a-z_0-9]+)\"|icon=\"([a-z_]+)\""
    r"|\"SITE_SYMBOL\": \"([a-z_]+)\"|Item\(_\([^)]*\), \"\w+\", \"([a-z_0-9]+)\"\)"
)
WORD = re.compile(r"[a-z_0-9]+")
# Only headings are large enough to show it.
KERNED = {"SemiBold": ["kern"]}
FACE = """@font-face {{
  font-family: "Inter";
  font-style: normal;
  font-weight: {weight};
  font-display: swap;
  src: url({file}.woff2) format("woff2");
  unicode-range: {range};
}}
"""


def codes(ranges: str) -> set[int]:
    found: set[int] = set()
    for part in ranges.replace("U+", "").split(", "):
        first, _, last = part.partition("-")
        found |= set(range(int(first, 16), int(last or first, 16) + 1))
    return found


def icons() -> set[str]:
    places = [THEME / "static/unfold/css/styles.css", *THEME.rglob("*.html"), *THEME.rglob("*.py")]
    places += [ROOT / "config/settings.py", ROOT / "integrations/console/menu.py"]
    texts = (path.read_text() for path in places)
    named = (part for text in texts for parts in NAMED.findall(text) for part in parts)
    return {word for part in named for word in WORD.findall(part)}


def cut(name: str, font: TTFont, options: Options, **kept: object) -> None:
    options.flavor, options.hinting, options.name_IDs = "woff2", False, []
    subsetter = Subsetter(options)
    subsetter.populate(**kept)
    subsetter.subset(font)
    font.flavor = "woff2"
    place = TO / name
    font.save(place)
    print(f"{name}: {place.stat().st_size:,} bytes")


def main() -> None:
    for family in ("inter", "material-symbols"):
        (TO / family).mkdir(parents=True, exist_ok=True)
        shutil.copy(FROM / family / "LICENSE", TO / family)
    faces = []
    for weight, name in WEIGHTS.items():
        for part, letters in (("-Latin", LATIN), ("-LatinMore", LATIN_MORE)):
            font = TTFont(FROM / f"inter/Inter-{name}.woff2")
            options = Options(layout_features=["tnum", "ccmp", "locl", *KERNED.get(name, [])])
            cut(f"inter/Inter-{name}{part}.woff2", font, options, unicodes=codes(letters))
            faces.append(FACE.format(weight=weight, file=f"Inter-{name}{part}", range=letters))
        faces.append(FACE.format(weight=weight, file=f"Inter-{name}", range=OTHERS))
    (TO / "inter/styles.css").write_text("".join(faces))
    font = TTFont(FROM / ICONS)
    spelling = {code: glyph for code, glyph in font.getBestCmap().items() if code < 128}
    spelled = {glyph: chr(code) for code, glyph in spelling.items()}
    wanted = icons()
    glyphs = set(spelling.values())
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            for first, ligatures in getattr(table, "ExtSubTable", table).ligatures.items():
                glyphs |= {
                    one.LigGlyph
                    for one in ligatures
                    if "".join(spelled.get(g, "?") for g in [first, *one.Component]) in wanted
                }
    # Without closure: with it, the letters alone would bring every icon back.
    options = Options(layout_closure=False, layout_features=["liga", "rlig", "ccmp"])
    cut(ICONS, font, options, glyphs=glyphs)


if __name__ == "__main__":
    main()
