"""The environment says how much an epoch takes."""

from pathlib import Path

from headwater import api


def test_a_run_takes_as_much_at_a_time_as_the_environment_says(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.csv").write_text(f"id\n{number}\n")
    (tmp_path / "numbers.sql").write_text("SELECT id FROM files")
    epochs = {}
    for name, declared in (("one", "epoch: {bytes: 1}"), ("all", "engine: duckdb")):
        (tmp_path / "headwater.yaml").write_text(
            f"name: shop\nenvironments: {{{name}: {{{declared}}}}}\nsources: {{files: {{path: '*.csv'}}}}\n"
        )
        outcome = api.run(api.load(tmp_path))
        assert outcome.exit_code == 0
        epochs[name] = [product.epochs for product in outcome.products]
    assert epochs == {"one": [3], "all": [1]}
