"""Numbers are sealed; without the key file nobody learns one."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.errors import StoreError
from ivr.store.key_file import KeyFile
from ivr.store.vault import Vault
from tests.edge.store_examples import NOW, settings

NUMBER = "09120000123"


def key_file(home: Path) -> Path:
    return home / "secrets" / "numbers.key"


def test_a_sealed_number_is_revealed_and_recognised(tmp_path: Path) -> None:
    vault = Vault.open(settings(tmp_path))
    first, second = vault.seal(NUMBER), vault.seal(NUMBER)
    assert vault.reveal(first) == vault.reveal(second) == NUMBER
    assert first.pseudonym == second.pseudonym == vault.pseudonym(NUMBER)
    assert first.ciphertext != second.ciphertext
    assert len(first.pseudonym) == 32
    assert vault.pseudonym("09120000124") != first.pseudonym


def test_the_keys_outlive_the_process(tmp_path: Path) -> None:
    sealed = Vault.open(settings(tmp_path)).seal(NUMBER)
    again = Vault.open(settings(tmp_path))
    assert again.reveal(sealed) == NUMBER
    assert again.pseudonym(NUMBER) == sealed.pseudonym


def test_the_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    Vault.open(settings(tmp_path))
    assert key_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert key_file(tmp_path).parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in key_file(tmp_path).parent.iterdir()] == ["numbers.key"]


def test_two_first_runs_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    vaults: list[Vault] = []
    start = threading.Barrier(4)

    def open_vault() -> None:
        start.wait()
        vaults.append(Vault.open(settings(tmp_path)))

    threads = [threading.Thread(target=open_vault) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({vault.pseudonym(NUMBER) for vault in vaults}) == 1


def test_a_key_file_of_ones_own(tmp_path: Path) -> None:
    Vault.open(settings(tmp_path / "one"))
    other = settings(tmp_path / "two", number_key_file=key_file(tmp_path / "one"))
    assert Vault.open(other).pseudonym(NUMBER) == Vault.read(key_file(tmp_path / "one")).pseudonym(
        NUMBER
    )
    assert not key_file(tmp_path / "two").exists()


def test_a_named_key_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "mounted.key"
    with pytest.raises(StoreError, match=r"mounted\.key cannot be read: No such file"):
        Vault.open(settings(tmp_path, number_key_file=path))
    assert not path.exists()


def test_a_new_sealing_key_reads_old_numbers_and_keeps_pseudonyms(tmp_path: Path) -> None:
    old = Vault.open(settings(tmp_path)).seal(NUMBER)
    assert KeyFile(key_file(tmp_path)).add("2", NOW).current == "2"
    vault = Vault.open(settings(tmp_path))
    new = vault.seal(NUMBER)
    assert (old.ciphertext[:2], new.ciphertext[:2]) == ("1.", "2.")
    assert vault.reveal(old) == vault.reveal(new) == NUMBER
    assert old.pseudonym == new.pseudonym
    assert key_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_wrong_keys_are_told_without_the_number(tmp_path: Path) -> None:
    vault = Vault.open(settings(tmp_path / "one"))
    sealed = vault.seal(NUMBER)
    other = Vault.open(settings(tmp_path / "two"))
    with pytest.raises(StoreError, match=r"key '1' of .*two/secrets/numbers\.key is not the one"):
        other.reveal(sealed)
    later = replace(sealed, ciphertext=sealed.ciphertext.replace("1.", "5.", 1))
    with pytest.raises(StoreError, match=r"key '5', which .* does not hold"):
        vault.reveal(later)


@pytest.mark.parametrize("change", ["ciphertext", "pseudonym", "cut"])
def test_a_changed_record_is_not_believed(tmp_path: Path, change: str) -> None:
    vault = Vault.open(settings(tmp_path))
    sealed, other = vault.seal(NUMBER), vault.seal("09120000124")
    forged = {
        "ciphertext": replace(sealed, ciphertext=other.ciphertext),
        "pseudonym": replace(sealed, pseudonym=other.pseudonym),
        "cut": replace(sealed, ciphertext="1.AAAA"),
    }[change]
    with pytest.raises(StoreError, match="cannot be revealed"):
        vault.reveal(forged)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"current": "2", "pseudonym": "A" * 43 + "=", "sealing": {}}),
        json.dumps({"current": "1", "pseudonym": "AAAA", "sealing": {"1": "A" * 43 + "="}}),
        json.dumps({"current": "1", "pseudonym": "A" * 43 + "=", "sealing": {"1": 7}}),
        json.dumps({"current": "1", "pseudonym": "A" * 43 + "=", "sealing": {"1": "?"}}),
    ],
)
def test_what_is_no_key_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "numbers.key"
    path.write_text(text)
    with pytest.raises(StoreError, match=r"numbers\.key is not a key file"):
        Vault.read(path)


def test_a_readable_key_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Vault.open(settings(tmp_path))
    key_file(tmp_path).chmod(0o644)
    Vault.open(settings(tmp_path))
    assert "key_file_readable_by_others" in capsys.readouterr().out


def test_the_number_and_the_keys_stand_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vault = Vault.open(settings(tmp_path))
    sealed = vault.seal(NUMBER)
    keys = json.loads(key_file(tmp_path).read_text())
    other = Vault.open(settings(tmp_path / "other"))
    with pytest.raises(StoreError) as caught:
        other.reveal(sealed)
    shown = f"{vault!r} {sealed!r} {caught.value} {caught.value.__cause__} {capsys.readouterr()}"
    for secret in (NUMBER, NUMBER[1:], keys["pseudonym"], keys["sealing"]["1"]):
        assert secret not in shown
