"""Figures: well-formed, inside their axes and the same every time, whatever numbers and names a report holds."""

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdverify.html.axes import Scale, number, text
from gdverify.html.plots import case_figures, figures

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "title", "desc", "g", "path", "polygon", "rect", "circle", "text"}
OVERHANG = 6.5  # what caps, rings and ticks may reach beyond the point that they mark
HOSTILE = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([None, 0, -0.0, 1.0, -1, 1e300, -1e308, 5e-324, 1e-300, 10**400, True, "1/3", "x", "1/0", [1], {}]),
    st.floats(0.1, 10),
)
COLUMN = st.one_of(st.lists(HOSTILE, max_size=8), st.lists(st.floats(1e-3, 1e3), min_size=6, max_size=6), HOSTILE)
NAME = st.one_of(st.text(max_size=12), st.sampled_from(["T", "</svg><script>alert(1)</script>", '"&<', "\x00\ud800"]))
KIND = st.sampled_from(
    ["sure-bound", "mean-bound", "mean-equals", "probability-bound", "rate", "conserved", "minimiser", "limit-law",
     "identity", "counterexample", "<b>"]
)  # fmt: skip
TRACE = st.one_of(
    st.fixed_dictionaries(
        {"histogram": st.fixed_dictionaries({
            "of": st.sampled_from(["quantity/bound", "quantity - minimum", "|left - right|/size", "<&"]),
            "scale": st.sampled_from(["linear", "log", None]),
            "edges": COLUMN, "counts": COLUMN, "zeros": HOSTILE, "bound": HOSTILE,
        })}
    ),
    st.fixed_dictionaries(
        {"sequence": st.fixed_dictionaries(dict.fromkeys(("n", "mean", "low", "high", "valid"), COLUMN)),
         "bound": HOSTILE, "tolerance": HOSTILE, "of": HOSTILE}
    ),
    st.fixed_dictionaries(
        {"series": st.fixed_dictionaries(dict.fromkeys(("n", "value", "low", "high"), COLUMN))},
        optional={"fit": st.fixed_dictionaries({
            **dict.fromkeys(("slope", "low", "high", "intercept", "claimed"), HOSTILE), "geometric": st.booleans(),
        }), "limit": HOSTILE, "rate": HOSTILE},
    ),
    st.fixed_dictionaries(
        {"series": st.fixed_dictionaries(dict.fromkeys(("h", "drift", "floor"), COLUMN)),
         "fit": st.fixed_dictionaries({"order": HOSTILE, "claimed": HOSTILE})}
    ),
    HOSTILE,
)  # fmt: skip
ENTRY = st.fixed_dictionaries(
    {"kind": st.sampled_from(["experiment", "worst-case", "derivation"]), "name": NAME, "verdict": st.just("pass"),
     "case": st.one_of(st.dictionaries(NAME, HOSTILE, max_size=3), st.fixed_dictionaries({"T": HOSTILE, "d": HOSTILE})),
     "estimate": HOSTILE, "bound": HOSTILE, "interval": st.one_of(st.none(), st.lists(HOSTILE, min_size=2, max_size=2)),
     "trace": TRACE}
)  # fmt: skip


def positions(element):
    """Absolute points of a mark."""
    get = lambda *names: [float(element.get(k)) for k in names]
    if element.tag == f"{SVG}circle":
        return [tuple(get("cx", "cy"))]
    if element.tag == f"{SVG}rect":
        x, y, w, h = get("x", "y", "width", "height")
        assert w >= 0 and h >= 0
        return [(x, y), (x + w, y + h)]
    numbers = re.findall(
        r"(-?[\d.]+) (-?[\d.]+)", element.get("points") or re.sub(r"[a-z].*?(?=[A-Z]|$)", "", element.get("d"))
    )
    return [(float(a), float(b)) for a, b in numbers]


def frame(root):
    d = next(p.get("d") for p in root.iter(f"{SVG}path") if p.get("class") == "frame")
    left, top, bottom, right = map(float, re.fullmatch(r"M(\S+) (\S+)V(\S+)H(\S+)", d).groups())
    return left, top, right, bottom


def check(figure):
    root = ET.fromstring(figure.svg)
    assert root.get("role") == "img" and root.find(f"{SVG}title").text and root.find(f"{SVG}desc").text
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= ELEMENTS
    left, top, right, bottom = frame(root)
    width, height = map(float, root.get("viewBox").split()[2:])
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    marks = root.find(f"{SVG}g")
    for mark in marks:
        for x, y in positions(mark):
            assert left - OVERHANG <= x <= right + OVERHANG
            assert top - OVERHANG <= y <= bottom + OVERHANG
    for element in root.iter():
        for name, value in element.attrib.items():
            assert name == "aria-label" or not re.search(r"nan|inf|None|\de", value), (name, value)
    return root, marks


@settings(max_examples=150, deadline=None)
@given(ENTRY, NAME, KIND)
def test_one_outcome_with_hostile_numbers(entry, name, kind):
    claim = {"id": name, "decides": {"kind": kind}}
    found = figures(entry, claim)
    assert found == figures(entry, claim)
    for figure in found:
        check(figure)


@settings(max_examples=150, deadline=None)
@given(st.lists(ENTRY, max_size=6), NAME, KIND)
def test_cases_with_hostile_numbers(entries, name, kind):
    claim = {"id": name, "decides": {"kind": kind}}
    for figure in case_figures(entries, claim):
        check(figure)


@settings(deadline=None)
@given(st.floats(-1e300, 1e300), st.floats(0, 1e300), st.booleans())
def test_ticks_lie_on_the_axis_and_read_differently(start, width, log):
    scale = Scale.over([abs(start), abs(start) + width] if log else [start, start + width], log)
    ticks, _ = scale.ticks()
    assert len(ticks) <= 14
    assert all(-0.01 <= scale.share(value) <= 1.01 for value, _ in ticks)
    assert len({label for _, label in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (1.0, "1"), (-0.05, "−0.05"), (123456.0, "123456"), (1e-9, "10⁻⁹"), (2.5e-7, "2.5×10⁻⁷"),
     (-1e12, "−10¹²"), (0.99996, "1"), (5e-324, "4.941×10⁻³²⁴"), (None, "unknown")],
)  # fmt: skip
def test_numbers_for_people(value, expected):
    assert text(value) == expected


def test_what_is_a_number():
    assert [number(v) for v in ("1/3", "-7", "1/0", "1e9", "١", True, math.nan, [1])] == [1 / 3, -7, *[None] * 6]


def entry(trace=None, **fields):
    return {"kind": "experiment", "name": "sim", "verdict": "pass", "case": {"d": 2}, "estimate": None, "bound": None,
            "interval": None, "trace": trace, **fields}  # fmt: skip


def colours(marks, tag, colour):
    return [m for m in marks if m.tag == SVG + tag and colour in (m.get("stroke") or "") + (m.get("fill") or "")]


def test_histogram_bars_stay_on_their_side_of_the_bound():
    trace = {"histogram": {"of": "quantity/bound", "scale": "linear", "edges": [0.5, 0.75, 1.0, 1.25],
                           "counts": [3, 7, 1], "zeros": 0, "bound": 1.0}}  # fmt: skip
    (figure,) = figures(entry(trace, estimate=1.2, bound=1.0), {"id": "a", "decides": {"kind": "sure-bound"}})
    _, marks = check(figure)
    bars = [positions(m) for m in colours(marks, "rect", "data")]
    ((x, _), _) = positions(colours(marks, "path", "bound")[0])
    assert [bar[1][0] <= x for bar in bars] == [True, True, False]
    tall = [bar[1][1] - bar[0][1] for bar in bars]
    assert tall[1] / tall[0] == pytest.approx(7 / 3, rel=0.01)
    assert "0.75 to 1: 7" in figure.svg and "11 drawn instances" in figure.caption


def test_a_power_law_is_the_fitted_line_and_not_the_claimed_one():
    n = [10, 20, 40, 80, 160]
    series = {"n": n, "value": [3 * k**-0.5 for k in n], "low": [None] * 5, "high": [None] * 5}
    fit = {"slope": -0.5, "low": -0.6, "high": -0.4, "intercept": math.log(3), "claimed": -1, "geometric": False}
    (figure,) = figures(entry({"series": series, "fit": fit}), {"id": "a", "decides": {"kind": "rate"}})
    _, marks = check(figure)
    dots = [positions(m)[0] for m in colours(marks, "circle", "data")]

    def off(colour):
        (a, b) = positions(colours(marks, "path", colour)[0])
        return max(abs(a[1] + (b[1] - a[1]) * (x - a[0]) / (b[0] - a[0]) - y) for x, y in dots)

    assert off("fit") < 0.2 < 10 < off("bound")


def test_sequences_close_in_and_early_looks_are_drawn_otherwise():
    data = {"n": [10, 100, 1000], "mean": [1.5, 1.1, 1.0], "low": [0.5, 0.8, 0.95], "high": [2, 1.3, 1.05],
            "valid": [False, True, True]}  # fmt: skip
    trace = {"sequence": data, "of": "quantity", "bound": 1.0, "tolerance": 0.1}
    (figure,) = figures(entry(trace), {"id": "a", "decides": {"kind": "mean-equals"}})
    _, marks = check(figure)
    band = positions(colours(marks, "polygon", "data")[0])
    assert len(band) == 4  # the two looks that count
    assert len(colours(marks, "path", "bound")) == 3  # the value and the tolerance on both sides
    assert "(too early to decide)" in figure.svg and "[0.95, 1.05]" in figure.caption


def test_names_are_escaped_and_cases_are_compared():
    entries = [entry(case={"T": T, "c<d": 1}, estimate=0.5, bound=1.0) for T in (1, 2, 30)]
    (figure,) = case_figures(entries, {"id": "<script>", "decides": {"kind": "sure-bound"}})
    root, marks = check(figure)
    assert "<script>" in root.get("aria-label") and "<script" not in figure.svg
    assert len(colours(marks, "circle", "data")) == 3
    assert case_figures(entries[:2], {"id": "a"}) == []


def test_worst_cases_as_shares_of_what_is_stated():
    found = {"estimate": 0.5, "bound": 1.0, "interval": [0.4, 0.5]}
    entries = [entry(kind="worst-case", case={"T": T, "L": 2}, **found) for T in (1, 2)]
    (figure,) = case_figures(entries, {"id": "a"})
    root, marks = check(figure)
    left, _, right, _ = frame(root)
    ((stated, _), _) = positions(colours(marks, "path", "bound")[0])
    shares = {positions(m)[0][0] for m in colours(marks, "circle", "fit")}
    assert len(shares) == 1 and left < shares.pop() < stated < right
    assert "T=2" in figure.svg and "certified 0.5" in figure.svg
    # A solver's estimate is neither; without an interval the checked steps say what is.
    assert case_figures([{**entries[0], "interval": None}], {"id": "a"}) == []
    steps = [{"rule": "dual certificate", "status": "checked exactly", "proves": "<= 0.25"}]
    (figure,) = case_figures([{**entries[0], "interval": None, "steps": steps}], {"id": "a"})
    _, marks = check(figure)
    assert colours(marks, "circle", "fit") and not colours(marks, "circle", "data")
