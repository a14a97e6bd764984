"""`kiosk models` and `kiosk doctor`."""

from __future__ import annotations

from pathlib import Path

from edge.models import Store

from .conftest import Kiosk


async def test_list_names_every_asset_with_its_licence(kiosk: Kiosk, tmp_path: Path) -> None:
    done = await kiosk("models", "list", "--folder", str(tmp_path))
    assert done.code == 0
    for asset in Store(tmp_path).manifest.assets:
        assert asset.name in done.out
        assert asset.licence in done.out


async def test_pull_takes_a_mirrors_files_and_verify_finds_damage(
    kiosk: Kiosk, model_store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    where = ("--folder", str(folder))
    done = await kiosk("models", "pull", "nats_ws", *where, KIOSK_MODELS_MIRROR=str(model_store.folder))
    assert done.code == 0, done.err
    assert "1 new" in done.out
    assert (await kiosk("models", "verify", "nats_ws", *where)).code == 0
    path = Store(folder).path("nats_ws")
    path.write_bytes(path.read_bytes()[:-1])
    damaged = await kiosk("models", "verify", "nats_ws", *where)
    assert damaged.code == 1
    assert "damaged" in damaged.out


async def test_an_unknown_name_is_one_clear_line(kiosk: Kiosk, tmp_path: Path) -> None:
    done = await kiosk("models", "pull", "nonsense", "--folder", str(tmp_path))
    assert done.code == 1
    assert "nonsense" in done.err
    assert "Traceback" not in done.err


async def test_doctor_shows_what_is_here_and_what_to_do(kiosk: Kiosk, model_store: Store, tmp_path: Path) -> None:
    done = await kiosk("doctor")
    assert done.code == 0, done.out
    assert "nats-server" in done.out
    empty = await kiosk("doctor", KIOSK_MODELS=str(tmp_path / "none"))
    assert empty.code == 1
    assert "kiosk models pull" in empty.out


async def test_doctor_names_a_mistake_in_the_configuration(kiosk: Kiosk, tmp_path: Path) -> None:
    (tmp_path / "kiosk.toml").write_text("[devises]\n")
    done = await kiosk("doctor", "--config", "kiosk.toml")
    assert done.code == 2
    assert "unknown key 'devises'" in done.err
