"""A seal holds, or says in one line what does not."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pytest

from pausewatch.errors import SealError
from pausewatch.reports.keys import PRIVATE_KEY_NAME, PUBLIC_KEY_NAME
from pausewatch.reports.seal import Signer, verify_report
from pausewatch.reports.writing import write_report

from .conftest import daily_report

SEALED = ["report.html", "report.json", "findings.csv", "site_days.csv"]
ALL = [*SEALED, "manifest.json", "manifest.json.sig", "public_key.pem"]


@pytest.fixture
def chain(tmp_path: Path, signer: Signer) -> list[Path]:
    """Three days' reports, each chained to the one before it."""
    folders: list[Path] = []
    for number in (18, 19, 20):
        report = daily_report(day=date(2026, 9, number), findings=())
        previous = folders[-1] if folders else None
        folders.append(
            write_report(report, tmp_path / "reports" / f"2026-09-{number}", previous=previous, signer=signer)
        )
    return folders


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)


def test_a_whole_report_holds_and_says_what_was_checked(chain: list[Path], signer: Signer) -> None:
    held = verify_report(chain[2])
    assert (held.fleet, held.date, held.files, held.previous_date, held.chained_days) == (
        "demo",
        "2026-09-20",
        5,
        "2026-09-19",
        2,
    )
    assert held.fingerprint == signer.fingerprint
    assert not held.is_key_given
    assert any("chain holds over 2 earlier reports" in line for line in held.lines())


def test_a_report_holds_with_only_its_folder(chain: list[Path], tmp_path: Path) -> None:
    alone = shutil.copytree(chain[2], tmp_path / "elsewhere" / "copy")
    held = verify_report(alone)
    assert held.chained_days == 0
    assert "the report of 2026-09-19 is not at hand" in held.lines()[-1]
    assert verify_report(chain[0]).lines()[-1] == "chain starts here"


@pytest.mark.parametrize("name", SEALED)
def test_a_changed_byte_is_named(chain: list[Path], name: str) -> None:
    flip_last_byte(chain[2] / name)
    with pytest.raises(SealError, match=f"{name} was changed"):
        verify_report(chain[2])


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.sig"])
def test_a_changed_manifest_or_signature_is_a_bad_signature(chain: list[Path], name: str) -> None:
    flip_last_byte(chain[2] / name)
    with pytest.raises(SealError, match="bad signature"):
        verify_report(chain[2])


def test_a_changed_public_key_does_not_pass(chain: list[Path]) -> None:
    path = chain[2] / "public_key.pem"
    path.write_bytes(path.read_bytes().replace(b"PUBLIC", b"PUBLIK"))
    with pytest.raises(SealError, match="not a public key in PEM form"):
        verify_report(chain[2])


@pytest.mark.parametrize("name", ALL)
def test_a_missing_file_is_named(chain: list[Path], name: str) -> None:
    (chain[2] / name).unlink()
    with pytest.raises(SealError, match=f"{name} is missing"):
        verify_report(chain[2])


def test_an_extra_file_is_named(chain: list[Path]) -> None:
    (chain[2] / "notes.txt").write_text("x")
    with pytest.raises(SealError, match=r"notes\.txt is not part of the sealed report"):
        verify_report(chain[2])


def test_a_link_in_place_of_a_file_does_not_pass(chain: list[Path], tmp_path: Path) -> None:
    moved = (chain[2] / "report.html").rename(tmp_path / "moved.html")
    (chain[2] / "report.html").symlink_to(moved)
    with pytest.raises(SealError, match=r"report\.html is a link"):
        verify_report(chain[2])


def test_a_report_sealed_again_with_another_key_is_foreign(chain: list[Path], tmp_path: Path) -> None:
    mine = tmp_path / "keys" / PUBLIC_KEY_NAME
    assert verify_report(chain[2], public_key=mine).is_key_given
    forger = Signer.load_or_create(tmp_path / "forged-keys")
    forged = write_report(daily_report(findings=()), tmp_path / "forged", previous=None, signer=forger)
    verify_report(forged)  # whole in itself
    with pytest.raises(SealError, match="foreign key"):
        verify_report(forged, public_key=mine)


def test_another_key_put_beside_the_manifest_is_a_bad_signature(chain: list[Path], tmp_path: Path) -> None:
    forger = Signer.load_or_create(tmp_path / "forged-keys")
    (chain[2] / "public_key.pem").write_bytes(forger.public_pem)
    with pytest.raises(SealError, match="bad signature"):
        verify_report(chain[2])


@pytest.mark.parametrize("position", [0, 1])
def test_a_day_rewritten_later_breaks_the_chain(chain: list[Path], signer: Signer, position: int) -> None:
    day = date(2026, 9, 18 + position)
    previous = chain[position - 1] if position else None
    write_report(daily_report(day=day), chain[position], previous=previous, signer=signer)
    verify_report(chain[position])
    with pytest.raises(SealError, match=f"broken chain: the manifest of {day}"):
        verify_report(chain[2])


def test_the_day_before_may_be_given_and_must_be_the_one(chain: list[Path], tmp_path: Path) -> None:
    alone = shutil.copytree(chain[1], tmp_path / "archive" / "x")
    assert verify_report(alone, previous=chain[0]).chained_days == 1
    with pytest.raises(SealError, match="broken chain: the manifest of 2026-09-18"):
        verify_report(alone, previous=chain[2])
    with pytest.raises(SealError, match="has no manifest"):
        verify_report(alone, previous=tmp_path)
    with pytest.raises(SealError, match="names no report before it"):
        verify_report(chain[0], previous=chain[1])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda m: m.update(files={"../secret": {"sha256": "0"}}),
        lambda m: m.update(files=[]),
        lambda m: m.update(previous={"date": "../x", "manifest_sha256": "0"}),
        lambda m: m.pop("fleet"),
    ],
)
def test_a_signed_manifest_that_makes_no_sense_does_not_pass(
    chain: list[Path], signer: Signer, spoil: Callable[[dict[str, object]], object]
) -> None:
    manifest = json.loads((chain[0] / "manifest.json").read_bytes())
    spoil(manifest)
    content = json.dumps(manifest).encode()
    (chain[0] / "manifest.json").write_bytes(content)
    (chain[0] / "manifest.json.sig").write_bytes(signer.sign(content))
    with pytest.raises(SealError, match="not a report's manifest"):
        verify_report(chain[0])


def test_no_such_report(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="no such report"):
        verify_report(tmp_path / "nowhere")


def test_the_private_key_is_its_owners_alone_and_is_kept(tmp_path: Path) -> None:
    signer = Signer.load_or_create(tmp_path / "keys")
    assert stat.S_IMODE((tmp_path / "keys" / PRIVATE_KEY_NAME).stat().st_mode) == 0o600
    assert Signer.load_or_create(tmp_path / "keys").fingerprint == signer.fingerprint
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == [PUBLIC_KEY_NAME, PRIVATE_KEY_NAME]
    assert "PRIVATE" not in repr(signer)


def fingerprint_at(folder: Path) -> str:
    return Signer.load_or_create(folder).fingerprint


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        seen = set(pool.map(fingerprint_at, [tmp_path / "keys"] * 12))
    assert len(seen) == 1
    assert len(list((tmp_path / "keys").iterdir())) == 2


def test_a_spoilt_private_key_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / PRIVATE_KEY_NAME).write_text("not a key")
    with pytest.raises(SealError, match="not an unencrypted private key"):
        Signer.load_or_create(tmp_path)
