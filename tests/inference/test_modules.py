"""Country modules: each one against plates known to be valid and invalid, and the checker against wrong files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.decoding import Decoder, confusion
from inference.errors import ModuleError
from inference.modules import MODULES_DIR, check_module, installed_modules, load_module, select_modules
from inference.types import PlateType
from tests.fakes.country_files import MINIMAL
from tests.fakes.spoken_reader import SpokenReader

# code: plates of the country, then texts that are none of its plates.
PLATES: dict[str, tuple[str, str]] = {
    "A": ("W12345A KS123AB GU5432B KO123AB IL1ABC WO12AB O123456 KOAB1 WIEN1", "ABCD1234 12345 Q1234A K0123AB KO12AO"),
    "AUS": ("AB12CD 1AB2CD S123ABC A12BC", "ABCDEFGH 1 123456789 A1BC"),
    "B": ("1CMV331 2ABC123 ABC123 QABC123 MABC123 OABC123 ZABC123", "3ABC123 AB12CD 1234ABC KABC123"),
    "BG": ("CA1234AB PB0001TX", "CA123AB QA1234AB CA1234DZ"),
    "BR": ("AYO9034 JOG9221 ABC1D23", "AB12345 ABCD123 ABC123"),
    "CDN": ("ABCD123 123ABC A12BCD", "1234567 TORONTO1X"),
    "CH": ("ZH123456 GE1 TI54321 M12345", "XX1234 ZH1234567 ZHABC K12345"),
    "CY": ("ABC123 KXY987", "AB1234 ABCD12"),
    "CZ": ("1B25790 4B39376 BZM2227 1AX1234 OVA1234 OLB1234", "B125790 GO12345 12345678"),
    "D": (
        "BXY1234 MAB12 WOBVW123 BAB1234E MA1234H MUC1234E MAAB123E WOBVW12E WOBV123H Y12345 Y123456 "
        "M06123 M07123 THW81234 M123A",
        "B1234 ABCXYZ 1234BXY X12345 MUCAB1234E WOBVW123E M02123 THW61234",
    ),
    "DK": ("AB12345 XY98765 AB1234", "A123456 ABC1234 AB123"),
    "E": ("1234BCD 9876XYZ M1234AB R1234BBB C1234BBB E1234BBB", "1234AEI 12345BC K1234BBB"),
    "EC": ("PBA1234 GSJ123", "PB1234 1234PBA"),
    "EST": ("123ABC 987XYZ", "ABC123 12ABCD"),
    "ET": ("ABC1234 1234ABC", "ABCDEFG 1234567"),
    "F": ("AB123CD ZZ999ZZ 1234AB75 123ABC2A 123AB971", "AB1234C IO123AB 123ABC981"),
    "FIN": ("ABC123 AB12", "123ABC ABCD123"),
    "FL": ("FL12345", "FR12345 FL123456"),
    "FO": ("AB123", "ABC12 AB1234"),
    "GB": ("AB12CDE A123BCD ABC123D Q123ABC AB12AB", "12ABCDE ABCDEFG QQ12QQQ X123AB"),
    "GH": ("GR123419 GT5520", "GHANA 1234GR"),
    "GR": ("AXT3147 YZE1234 ABZ123", "ABC123 DQW1234 AC1234 ABC123"),
    "GUY": ("PAA1234 GBB77", "AAA1234 1234PAA"),
    "H": ("ABC123 AABC123", "AB1234 ABCDE12"),
    "HK": ("AB1234 XY1", "123456 OI1234"),
    "HON": ("PAA1234 HAB0001", "PA12345 1234PAA"),
    "HR": ("ZG1234AB ST123A", "XX1234AB ZG12AB"),
    "I": ("DS346WG AB123CD AB12345", "IO123AB DS34WG"),
    "IND": ("MH12DE1433 DL8CAF5030 KA01B1234 77CD1234", "XX12DE1433 MH1234567 77CB1234"),
    "IRL": ("12D12345 151D1 06KK123", "12XX123 D1212345"),
    "IS": ("ABL12 AB123", "AB12 A1234"),
    "J": ("SNG300A1234 301234", "ABCDEFG A1234"),
    "L": ("AB1234 12345", "ABC123 123"),
    "LT": ("ABC123 AB1234 AB123 123AB", "QWX123 123ABC"),
    "LV": ("AB1234 AB1 P1234", "ABC123 QW1234 K1234"),
    "M": ("ABC123", "AB1234 123ABC"),
    "MAL": ("JJD1142 WA1 ABC1234", "1234ABC ABCDE12"),
    "MD": ("ABC123", "123ABC ABCDEF"),
    "MEX": ("ABC123D ABC1234 A12BCD 12AB3C 123AB4", "1234567 ABCDEFG AB12C3"),
    "N": ("AB12345 EL12345", "ABC1234 IQ12345"),
    "NL": ("85GJ45 77TRSH 1XJN23 RPNL93 3VFX39 AE1234 1234EB OJ55LV", "ABCDEF 123456 AE123B AJ55LV"),
    "NZ": ("ABC123 AB1234", "12345678 ABCDEFGH"),
    "P": ("12AB34 1234AB AB12CD L123456", "ABC123 123456 Z123456"),
    "PK": ("LEA1234 ABC123 AB1234", "1234ABC ABCDEF"),
    "PL": ("WA56660 KR12345 WPR1A23 W053011 UA12345", "AA12345 W12345 1WA2345 UZ12345"),
    "RA": ("AB123CD ABC123 A123BCD", "A123BC 123ABC"),
    "RCB": ("1234AB01", "ABCD1234 123AB01"),
    "RO": ("B02YKD B123ABC CJ12ABC", "XX12ABC B1234AB"),
    "RUS": ("A123BC77 M906OK190 AB123477 AB12377", "D123BC77 A12BC77 AD123477"),
    "S": ("ABC123 ABC12D", "AB1234 123ABC"),
    "SK": ("RK708AI BA123CD ZA834CO", "RK7089AI 123ABCD"),
    "SLO": ("LJ12345 MBAB123", "XX12345 LJ123"),
    "SRB": ("BG1234AB NS123AB", "BG12AB 1234ABBG"),
    "TR": ("34ABC123 06AB1234 34A1234", "94ABC123 ABC34123"),
    "UA": ("AA1234BB KA0001HX AA1234YA AA1234ZA ED1234AB", "AA123BB DZ1234QQ AA1234YY AD1234AB"),
    "US": ("ABC1234 DG3C8P J868321 7ABC123", "ABCDEFGHIJ 12 123456789"),
    "US-CA": ("7ABC123 6LSU216 8S16841 12345A1 1AB4567 12A3456 123ABC4", "ABC1234 7ABC12 12345O1"),
    "US-FL": ("ABCD12 ABC12D", "1234567 ABCDEFG"),
    "US-GA": ("ABC1234", "1234ABC AB12345"),
    "US-IL": ("AB12345 J868321 123456B", "ABCDEFG ABC1234 123456C"),
    "US-MI": ("ABC1234 1ABC23", "1234567 ABCDEFG"),
    "US-NC": ("ABC1234", "1234ABC AB12345"),
    "US-NJ": ("A12BCD ABC12D", "1234567 ABC1234"),
    "US-NY": ("ABC1234", "AB12345 ABCDEFG"),
    "US-OH": ("ABC1234", "AB12345 1234567"),
    "US-PA": ("ABC1234", "AB12345 1234567"),
    "US-TX": ("BTZ7148 CDL4461", "ABCDEFG 1234567"),
    "US-VA": ("ABC1234", "AB12345 1234567"),
    "VN": ("34A36837 51F12345 29A1234", "34AB1 A3412345 ABCDEFG"),
    "X_EU": ("RK708AI AB12345 1B25790", "12345678 AB"),
    "X_XX": ("AB123 12AB34 TAXI1", "AB1 12345678901"),
    "ZA": (
        "BC12DEGP ABC123GP CA123456 VW4X4WP CX1234 CBS123 CZ1234 CT1234 CW1234 CO1234 CCC123",
        "12ABC34 ABCDEFG CG1234",
    ),
}
# The manual's example of a table of country modules: code, name, ISO 3166 code (none where many countries share it).
MANUAL = {
    "M-227": """HR Croatia HR|CZ Czech Republic CZ|RCB Congo CD|DK Denmark DK|EC Ecuador EC
        |ET Egypt EG|EST Estonia EE""",
    "M-228": """X_EU European Union -|FO Faroe Islands FO|FIN Finland FI|F France FR|X_XX Any country -|D Germany DE
        |GH Ghana GH|GB Great Britain GB|GR Greece GR""",
    "M-229": """GUY Guyana GY|HON Honduras HN|HK Hong Kong HK|H Hungary HU|IS Iceland IS""",
}
# What ONVIF calls the kind of a plate, where its text tells.
KINDS = {
    PlateType.DIPLOMAT: "GB 101D123|F 5CD75|F 16K75|F 102CMD1|I CD1234AB|E CC050123|NL CD1234|NL CDJ001|CH CDBE123"
    "|D 017123|PL W053011|RO CD123101|BR CD1234|IND 77CD1234",
    PlateType.POLICE: "I CCDN123|I POLIZIAH1234|E PGC1234A|E CNP1234AB|D BP12345|D NRW41234|PL HPBD123|RO MAI12345"
    "|RUS A123477",
    PlateType.TEMPORARY: "F WW123AB|F W123AB|I EE123AA|E P1234BCD|E S1234BCD|CH ZH1234U|D B061234|D B041234|RO B012345"
    "|US-CA AB12C34|B ZABC123|D M07123|D M123A",
    PlateType.NORMAL: "GB AB12CDE|F AB123CD|I AB123CD|E 1234BCD|E H1234BCD|NL 85GJ45|CH ZH123456|D BXY1234|PL WA56660"
    "|RO B123ABC|BR ABC1D23|US-CA 7ABC123|RUS A123BC77|D MUC1234E|RUS AB12377",
}


@pytest.mark.parametrize("path", sorted(MODULES_DIR.glob("*.toml")), ids=lambda path: path.stem)
def test_a_shipped_module_has_no_problem_and_knows_its_plates(path: Path) -> None:
    assert check_module(path) == []
    module = load_module(path)
    valid, invalid = PLATES[module.code]
    assert [text for text in valid.split() if not module.allows(text)] == []
    assert [text for text in invalid.split() if module.allows(text)] == []


@pytest.mark.parametrize("table", [pytest.param(MANUAL[m], marks=pytest.mark.requirement(m), id=m) for m in MANUAL])
def test_the_modules_of_the_manual_are_there_with_their_names_and_iso_codes(table: str) -> None:
    modules = installed_modules()
    for line in table.split("|"):
        code, *name, iso = line.split()
        module = modules[code]
        assert " ".join(name) in module.name, code
        assert module.iso == (None if iso == "-" else iso), code
        if iso != "-":
            assert module in select_modules([iso], modules)


@pytest.mark.requirement("M-228")
@pytest.mark.parametrize("code", ["X_EU", "X_XX"])
def test_a_generic_module_takes_the_plates_of_many_countries(code: str) -> None:
    module = installed_modules()[code]
    assert module.generic and module.iso is None
    taken = [
        c for c in ("A", "CZ", "D", "E", "F", "GR", "H", "I", "NL", "SK") if module.allows(PLATES[c][0].split()[0])
    ]
    assert len(taken) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_a_plate_is_told_where_its_text_shows_it(kind: PlateType) -> None:
    plates = [line.split() for line in KINDS[kind].split("|")]
    modules = installed_modules()
    assert [(code, text) for code, text in plates if not modules[code].allows(text)] == []
    assert [(code, text) for code, text in plates if modules[code].plate_type(text) is not kind] == []


@pytest.mark.requirement("M-020")
def test_a_module_file_has_form_alphabet_character_size_spacing_colours_and_priority(tmp_path: Path) -> None:
    """What the format can say, and that each of it means something to recognition."""
    path = tmp_path / "ZZ.toml"
    path.write_text(
        """
code = "ZZ"
iso = "ZZ"
name = "Nowhere"
world = "asia"
priority = 80
never = "IOQ"
[plate]
sizes_cm = [[52.0, 11.0], [28.0, 20.0]]
character_height_cm = 7.5
stroke_cm = 1.1
[[style]]
name = "private"
characters = "white"
background = "blue"
[[syntax]]
pattern = "LL DDD"
share = 0.9
letters = "ABCIK"
""",
        encoding="utf-8",
    )
    assert check_module(path) == []
    module = load_module(path)
    # The template, its alphabet, and where characters are spaced apart.
    assert [module.allows(text) for text in ("AB123", "AD123", "AI123", "A1123")] == [True, False, True, False]
    assert module.spelling("AB123") == "AB 123"
    assert module.breaks("AB123") == {2}
    assert (module.plate.character_height_cm, module.plate.stroke_cm) == (7.5, 1.1)
    assert module.plate.has_two_lines
    assert module.world == "asia"
    assert [(style.characters, style.background) for style in module.style] == [("white", "blue")]
    # A wrong hint is refused with its reason.
    for old, new, said in (
        ("character_height_cm = 7.5", "character_height_cm = 12", "do not fit"),
        ("stroke_cm = 1.1", "stroke_cm = 4", "stroke"),
        ('background = "blue"', 'background = "pink"', "background"),
        ("priority = 80", "priority = 0", "priority"),
        ('world = "asia"', 'world = "mars"', "world"),
        ("LL DDD", "LL [DDD", "LL [DDD"),
        ('letters = "ABCIK"', 'letters = "a"', "letters"),
    ):
        (tmp_path / "wrong").mkdir(exist_ok=True)
        wrong = tmp_path / "wrong" / "ZZ.toml"
        wrong.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        assert said in "; ".join(check_module(wrong)), new
    # Every module of ours says all of it.
    for own in installed_modules().values():
        assert own.syntax and own.plate.character_height_cm > own.plate.stroke_cm > 0
        assert own.style or own.generic
        assert 1 <= own.priority <= 100


@pytest.mark.requirement("M-020")
def test_of_two_countries_that_share_a_text_the_one_with_priority_wins() -> None:
    shared = installed_modules()["M"], installed_modules()["MD"]
    slots = SpokenReader({(0, 0): "ABC123"}).read(np.zeros((1, 1, 3), np.uint8), [np.zeros((4, 2), np.float32)])
    for first in (0, 1):
        ranked = [one.model_copy(update={"priority": 90 if n == first else 10}) for n, one in enumerate(shared)]
        decoder = Decoder(modules=ranked, confusion_matrix=confusion({}))
        best = decoder.decode(slots)[0]
        assert best.module is not None
        assert (best.text, best.module.code) == ("ABC123", shared[first].code)


@pytest.mark.parametrize("kind", [PlateType.DIPLOMAT, PlateType.POLICE, PlateType.TEMPORARY])
def test_a_kind_that_a_style_names_can_be_told_or_is_told_by_colour_alone(kind: PlateType) -> None:
    named = {code for code, m in installed_modules().items() if any(style.type is kind for style in m.style)}
    told = {code for code, m in installed_modules().items() if any(syntax.type is kind for syntax in m.syntax)}
    assert named <= told


@pytest.mark.parametrize(
    ("code", "text", "spelling"),
    [
        ("BR", "AYO9034", "AYO 9034"),
        ("F", "AB123CD", "AB 123 CD"),
        ("F", "102CMD1", "102 CMD 1"),
        ("CZ", "1B25790", "1B2 5790"),
        # Where the district ends cannot be told from B XY 1234 and BX Y 1234; where the digits begin can.
        ("D", "BXY1234", "BXY 1234"),
        ("D", "BX1234", "B X 1234"),
        ("D", "WOBVW123", "WOB VW 123"),
        ("D", "WOBV123", "WOBV 123"),
        ("BR", "NOPLATE", "NOPLATE"),
    ],
)
def test_a_plate_is_spelled_in_its_printed_groups_as_far_as_they_are_certain(
    code: str, text: str, spelling: str
) -> None:
    assert installed_modules()[code].spelling(text) == spelling


def test_a_country_brings_its_regions_and_an_iso_code_finds_its_module() -> None:
    modules = installed_modules()
    assert "US-CA" in [module.code for module in select_modules(["US"], modules)]
    assert [module.code for module in select_modules(["de"], modules)] == ["D"]


def test_an_unknown_code_is_refused_with_what_there_is() -> None:
    with pytest.raises(ModuleError, match="QQ"):
        select_modules(["QQ"], installed_modules())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('pattern = "LL DDD"', 'pattern = "LL-DDD"', "not understood"),
        ('code = "ZZ"', 'code = "zz"', "code"),
        ('iso = "ZZ"', "", "iso"),
        ("stroke_cm = 1.0", "stroke_cm = 4.0", "stroke"),
        ("character_height_cm = 7.5", "character_height_cm = 12.0", "do not fit"),
        ('name = "Nowhere"', 'name = "Nowhere"\nflag = true', "flag"),
        ('code = "ZZ"', 'code = "YY"', "called YY.toml"),
        ('name = "Nowhere"', 'name = "Nowhere', "TOML"),
        ('name = "Nowhere"', "name = " + "[" * 10_000, "TOML"),
        ('name = "Nowhere"', "name = " + "9" * 5_000, "TOML"),
        ('pattern = "LL DDD"', 'pattern = "(AB|CD|EF|GH|IJ|KL){10}"', "variants"),
        ('pattern = "LL DDD"', 'pattern = "LL DDD"\n' + '[[syntax]]\npattern = "LL DDD"\n' * 100, "at most 100"),
    ],
)
def test_the_checker_names_what_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "ZZ.toml"
    path.write_text(MINIMAL.replace(old, new), encoding="utf-8")
    assert said in "; ".join(check_module(path))


def test_a_missing_file_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    assert "cannot be read" in check_module(tmp_path / "ZZ.toml")[0]
