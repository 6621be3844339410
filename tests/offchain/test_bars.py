"""Reading bars: every bad input is one line that says where; and the way from bars to prices."""

from pathlib import Path

import pytest

from plimsoll.bars import WAD, Bar, PricePath, path_of_bars, read_bars, select_bars
from plimsoll.errors import PlimsollError

HEADER = "ts,open,high,low,close,volume"
SHARED_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "bars.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def bar(ts: int, open_: int, high: int, low: int, close: int) -> Bar:
    return Bar(ts, open_ * WAD, high * WAD, low * WAD, close * WAD)


def test_read_bars__with_and_without_volume(tmp_path: Path) -> None:
    expected = [bar(60, 10, 12, 9, 11), bar(120, 11, 11, 10, 10)]
    assert read_bars(write(tmp_path, "60,10,12,9,11,5", "120,11,11,10,10,")) == expected
    without = write(tmp_path, "60,10,12,9,11", "120,11,11,10,10", header="ts,open,high,low,close")
    assert read_bars(without) == expected


def test_read_bars__keeps_every_digit(tmp_path: Path) -> None:
    [only] = read_bars(write(tmp_path, "60,0.1,0.123456789012345678,0.1,0.123456789012345678,1"))
    assert only.close == 123456789012345678


def test_read_bars__open_outside_high_and_low_is_an_exchange_habit(tmp_path: Path) -> None:
    [only] = read_bars(write(tmp_path, "60,8151,8187,8152.5,8172.5,684662"))
    assert only.open < only.low


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("120,11,11,10", "line 3: malformed row, 4 columns instead of 6"),
        ("120,11,11,10,10,1,1", "line 3: malformed row, 7 columns"),
        ("x,11,11,10,10,1", "line 3: malformed row, ts is not a whole number"),
        ("120,11,eleven,10,10,1", "line 3: malformed row, high is not a number"),
        ("120,11,nan,10,10,1", "line 3: malformed row, high is not a number"),
        ("120,11,11,10,10,many", "line 3: malformed row, volume is not a number"),
        ('120,"11,11,10,10,1', "line 3: malformed row"),
        ("120,11,11,0,10,1", "line 3: low is not positive"),
        ("120,-11,11,10,10,1", "line 3: open is not positive"),
        ("120,11,9,10,10,1", "line 3: high is below low"),
        ("120,11,11,10,12,1", "line 3: close is not between low and high"),
        ("60,11,11,10,10,1", "line 3: out of order"),
        ("30,11,11,10,10,1", "line 3: out of order"),
        ("120,11,1e30,10,10,1", "line 3: high is out of range"),
    ],
)
def test_read_bars__bad_row__names_its_line(tmp_path: Path, row: str, message: str) -> None:
    path = write(tmp_path, "60,10,12,9,11,5", row)
    with pytest.raises(PlimsollError) as error:
        read_bars(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_read_bars__no_such_file__says_so(tmp_path: Path) -> None:
    with pytest.raises(PlimsollError, match="no such file"):
        read_bars(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("text", "message"), [("", "empty"), (HEADER + "\n", "no rows"), ("a,b\n1,2\n", "line 1: the header must be")]
)
def test_read_bars__nothing_in_it__says_so(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlimsollError, match=message):
        read_bars(path)


def test_read_bars__not_text__says_so(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(PlimsollError, match="cannot be read as text"):
        read_bars(path)


BARS = [bar(60 * i, 10, 12, 9, 11) for i in range(1, 11)]


@pytest.mark.parametrize(("selection", "first", "end"), [(None, 0, 10), ("2:5", 2, 5), (":4", 0, 4), ("8:", 8, 10)])
def test_select_bars__counts_from_zero_without_the_end(selection: str | None, first: int, end: int) -> None:
    assert select_bars(BARS, selection) == BARS[first:end]


@pytest.mark.parametrize("selection", ["5", "a:b", "5:2", "0:11", "10:12", "-3:5", "1:2:3", "4:5", "²:5"])
def test_select_bars__malformed_or_outside__is_refused(selection: str) -> None:
    with pytest.raises(PlimsollError, match="BARS"):
        select_bars(BARS, selection)


def test_path_of_bars__rising_bar_dips_first_and_falling_bar_spikes_first() -> None:
    path = path_of_bars([bar(60, 100, 120, 90, 110), bar(120, 110, 130, 80, 85)], steps_per_leg=1)
    assert [price // WAD for price in path.prices] == [100, 90, 120, 110, 110, 130, 80, 85]
    assert path.times == (60_000, 75_000, 90_000, 105_000, 120_000, 135_000, 150_000, 165_000)


def test_path_of_bars__meets_every_extreme_and_is_integer() -> None:
    bars = [bar(60, 100, 120, 90, 110), bar(120, 110, 130, 80, 85)]
    path = path_of_bars(bars)
    assert max(path.prices) == 130 * WAD and min(path.prices) == 80 * WAD
    assert all(type(price) is int for price in path.prices)
    assert list(path.times) == sorted(set(path.times))


def test_price_path__gap_between_bars_stays_a_gap() -> None:
    path = path_of_bars([bar(60, 100, 101, 99, 100), bar(120, 80, 81, 79, 80)])
    assert path.at(119_999) == 100 * WAD
    assert path.at(120_000) == 80 * WAD


def test_price_path__outside__holds_the_first_and_last_price() -> None:
    path = PricePath((1000, 2000), (5, 7))
    assert [path.at(time) for time in (0, 1000, 1999, 2000, 9999)] == [5, 5, 5, 7, 7]


def test_price_path__scaled__follows_with_a_share_of_the_moves() -> None:
    path = PricePath((0, 1, 2), (100 * WAD, 80 * WAD, 120 * WAD)).scaled(4_000 * WAD, 5_000)
    assert path.prices == (4_000 * WAD, 3_600 * WAD, 4_400 * WAD)


@pytest.mark.parametrize("name", ["bitmex_xbtusd_1m_2018-02-05.csv", "btcusd_1h_2020-03-10_16.csv"])
def test_read_bars__real_data__is_accepted(name: str) -> None:
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not on this machine")
    bars = read_bars(path)
    path_ = path_of_bars(bars)
    assert min(path_.prices) == min(min(item.low, item.open) for item in bars)
