from pathlib import Path

from questlog.app.program import program_id


def package(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_the_same_code_is_the_same_program_wherever_it_is(tmp_path: Path) -> None:
    files = {"a.py": "A = 1\n", "b/c.py": "C = 2\n"}
    one, other = package(tmp_path / "one", files), package(tmp_path / "other", {**files, "notes.txt": "no code"})
    assert program_id(one) == program_id(other)


def test_other_code_is_another_program(tmp_path: Path) -> None:
    contents = [{"a.py": "A = 1\n"}, {"a.py": "A = 2\n"}, {"b.py": "A = 1\n"}, {"a.py": "A = 1\n", "b.py": ""}]
    ids = {program_id(package(tmp_path / str(number), files)) for number, files in enumerate(contents)}
    assert len(ids) == len(contents)


def test_it_begins_with_the_version() -> None:
    assert program_id().split("+")[0].count(".") >= 1
