"""In which order letters and digits stand on plates of many countries, and where they are grouped or broken."""

# Layouts: `L` letter, `D` digit, `X` either, ` ` a gap, `/` a second line. Weighted by how often plates look so.
EU_LAYOUTS = (
    "LL DDD LL", "LL DD LLL", "DD LLL D", "LL LL DD", "LLL DDDD", "L LL DDDD", "LL L DDD", "LL LL DDDD", "D LLL DDD",
    "DDD LLL", "LLL DDD", "DDDD LLL", "LL DDDDD", "DL D DDDD", "LLLL DDD", "DD LL LL", "LL DDDD L", "LLLDDL",
    "DD L DDDDD", "L DDDD LL", "DDD DL DD", "LLDD LLL",
)  # fmt: skip
AMERICAN_LAYOUTS = (
    "LLL DDDD", "DLLLDDD", "DDD LLL", "LLL DDD", "DDDDDDD", "LL DDDDD", "DDDD LL", "LLLDDDD", "L DDDDDD", "XXXXXX",
    "XXXXXXX", "XXX XXX", "XXX XXX", "DLL DDD",
    "DDLDDDD", "LLDDDLL", "XXXX", "XXXXX", "LLL LLL", "D LDDDD", "DDD XXX", "DDLLDD",
)  # fmt: skip
ASIAN_LAYOUTS = (
    "LL DD LL DDDD", "LLL DDDD", "L DDDD L", "LLL DDD", "LL DDDD LL", "LXXXXX", "LDXXXX", "DDL DDDDD", "LL DD L DDDD",
    "L DDDD LL", "LLL DDDD L",
)  # fmt: skip
TWO_LINE_LAYOUTS = (
    "LLL/DDDD", "LL/DDDD", "LL DD/LL DDDD", "DD L/DDDDD", "LLL/DDD", "LL D/DDDD", "LLLDD/DDD", "LL DD/DDDD",
    "L DD/DDDD", "LL/DD LLL", "DDD/LLL", "DDLD/DDDD", "LL L/DDD", "LLLL/DDD",
)  # fmt: skip
OLD_BRAZILIAN, MERCOSUR = "LLL-DDDD", ("LLLDLDD", "LL DDD LL", "LLL DDDD")
