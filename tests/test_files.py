"""Other people's files: the same sixty molecules in every format, and what is wrong with them."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from molw2s import load_dataset, read_csv
from molw2s.cli import main
from molw2s.datasets import read_smiles
from molw2s.errors import InvalidInput
from molw2s.files import read_cells, unpacked
from molw2s.smiles import LONGEST, canonical, cleaned, fault_of

SIXTY = load_dataset("freesolv").to_pandas()[:60]
CSV = SIXTY.to_csv(index=False)


def book(**sheets):
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        for name, frame in sheets.items():
            frame.to_excel(writer, sheet_name=name, index=False)
    return buffer.getvalue()


def parquet():
    buffer = io.BytesIO()
    SIXTY.to_parquet(buffer)
    return buffer.getvalue()


def sdf():
    text = ""
    for smiles, target in zip(SIXTY["smiles"], SIXTY["target"]):
        mol = Chem.MolFromSmiles(smiles)
        AllChem.Compute2DCoords(mol)
        text += f"{Chem.MolToMolBlock(mol)}>  <target>\n{target}\n\n$$$$\n"
    return text.encode()


FILES = {
    "plain.csv": CSV.encode(),
    "windows.csv": CSV.replace("\n", "\r\n").encode(),
    "mac.csv": CSV.replace("\n", "\r").encode(),
    "tab.tsv": SIXTY.to_csv(index=False, sep="\t").encode(),
    "tab in a.csv": SIXTY.to_csv(index=False, sep="\t").encode(),
    "semicolon.csv": SIXTY.to_csv(index=False, sep=";").encode(),
    "decimal comma.csv": SIXTY.to_csv(index=False, sep=";", decimal=",").encode(),
    "bar.txt": SIXTY.to_csv(index=False, sep="|").encode(),
    "trailing.csv": CSV.replace("\n", ",\n").replace("target,", "target", 1).encode(),
    "comments.csv": ("# measured in 2021\n# by hand\n" + CSV).encode(),
    "comments apart.csv": ("# measured in 2021\n\n# by hand\n" + CSV).encode(),
    "stated separator.csv": ("sep=;\n" + SIXTY.to_csv(index=False, sep=";")).encode(),
    "separators in a name.csv": SIXTY.assign(**{"logS, mol/L, a": 1})
    .to_csv(index=False, sep=";", quoting=csv.QUOTE_ALL)
    .encode(),
    "bom.csv": CSV.encode("utf-8-sig"),
    "utf16.csv": CSV.encode("utf-16"),
    "utf16 without mark.csv": CSV.encode("utf-16-le"),
    "gzip.csv.gz": gzip.compress(CSV.encode(), mtime=0),
    "gzip by content.csv": gzip.compress(CSV.encode(), mtime=0),
    "bzip2.csv": bz2.compress(CSV.encode()),
    "xz.csv": lzma.compress(CSV.encode()),
    "book.xlsx": book(only=SIXTY),
    "columns.parquet": parquet(),
    "molecules.sdf": sdf(),
    "an empty line at its end.sdf": sdf() + b"\n",
    "utf16.sdf": sdf().decode().encode("utf-16"),
    "latin1.sdf": sdf().replace(b">  <target>", ">  <µM>\n5 °C\n\n>  <target>".encode("latin-1")),
    "another structure.sdf": sdf().replace(
        b">  <target>", b">  <smiles>\nc1ccccc1\n\n>  <target>", 20
    ),
    "with values.smi": "".join(
        f"{smiles} {target}\n" for smiles, target in zip(SIXTY["smiles"], SIXTY["target"])
    ).encode(),
    "данные.csv": CSV.encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_the_same_molecules_are_read_from_every_format(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    dataset = read_csv(tmp_path / name)
    np.testing.assert_array_equal(dataset.target, SIXTY["target"])
    assert canonical(dataset.smiles) == canonical(list(SIXTY["smiles"]))
    if not name.endswith(".sdf"):
        assert list(dataset.smiles) == list(SIXTY["smiles"])
    assert dataset.name == name.split(".")[0]


def test_a_zip_of_smiles_is_read_as_one(tmp_path):
    content = archive(**{"a.smi": FILES["with values.smi"].decode()})
    (tmp_path / "a.smi.zip").write_bytes(content)
    assert read_csv(tmp_path / "a.smi.zip").smiles == tuple(SIXTY["smiles"])


def test_only_line_ends_end_a_line(tmp_path):
    (tmp_path / "a.smi").write_bytes("CCO a\x85b\u2028\nCCC b\fc\nCXX d\n".encode())
    assert read_cells(tmp_path / "a.smi").frame["smiles"].to_dict() == {
        1: "CCO", 2: "CCC", 3: "CXX"
    }  # fmt: skip
    with pytest.raises(InvalidInput, match="line 3: SMILES 'CXX'"):
        read_smiles(tmp_path / "a.smi")


def test_one_value_that_is_none_is_named_in_a_file_of_smiles(tmp_path):
    (tmp_path / "a.smi").write_text("CCO 1.5\nCCC <5\nCCN 3\n")
    with pytest.raises(InvalidInput, match="line 2: target '<5' is not a finite number"):
        read_csv(tmp_path / "a.smi")


def test_a_property_that_is_there_twice_is_an_error(tmp_path):
    twice = sdf().replace(b"$$$$", b">  <target>\n9.5\n\n$$$$", 1)
    (tmp_path / "a.sdf").write_bytes(twice)
    with pytest.raises(InvalidInput, match="molecule 1 has 2 properties 'target'"):
        read_csv(tmp_path / "a.sdf")


@pytest.mark.parametrize(
    ("values", "target"),
    [
        (("1,234", "987", "12,500"), None),
        (("1,234", "0,987", "12"), [1.234, 0.987, 12]),
        (("1,234", "2,345", "3,456"), [1.234, 2.345, 3.456]),
    ],
)
def test_a_comma_that_may_part_thousands_is_an_error(tmp_path, values, target):
    rows = "".join(f"{smiles};{value}\n" for smiles, value in zip(("CCO", "CC", "CCC"), values))
    (tmp_path / "a.csv").write_text(f"smiles;target\n{rows}")
    if target is None:
        with pytest.raises(InvalidInput, match="'1,234' may be a decimal or have thousands"):
            read_csv(tmp_path / "a.csv")
    else:
        assert read_csv(tmp_path / "a.csv").target.tolist() == target


@pytest.mark.parametrize(
    "content",
    [
        'smiles,target,"note\nCCO,1.5,\nCCC,2.5,"b"\nCC,3,c\n',
        'name,smiles,target\n"abc,CCO,1.5\n"def,CCC,2.5\nx,CC,3\n',
    ],
)
def test_a_quote_that_swallows_rows_into_a_whole_one_is_an_error(tmp_path, content):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(InvalidInput, match=r"one cell that swallows rows: a quote \("):
        read_csv(tmp_path / "a.csv")


def test_a_latin_1_file_is_read_and_told(tmp_path, caplog):
    text = SIXTY.assign(who="Müller").to_csv(index=False)
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    assert len(read_csv(tmp_path / "a.csv")) == 60
    assert "is not UTF-8 and was read as Latin-1" in caplog.text


def test_a_pipe_is_read_once(tmp_path):
    program = (
        "import sys; from molw2s import read_csv\n"
        "dataset = read_csv('/dev/stdin', name='piped')\nprint(len(dataset), dataset.sha256)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=gzip.compress(CSV.encode(), mtime=0),
        capture_output=True,
    )  # fmt: skip
    (tmp_path / "a.csv").write_bytes(gzip.compress(CSV.encode(), mtime=0))
    assert done.stdout.decode().split() == ["60", read_csv(tmp_path / "a.csv").sha256], done.stderr


def test_the_first_of_many_sheets_is_read_and_told(tmp_path, caplog):
    (tmp_path / "book.xlsx").write_bytes(book(data=SIXTY, notes=SIXTY[:1]))
    assert len(read_csv(tmp_path / "book.xlsx")) == 60
    assert "the first of 2 sheets was read, 'data'" in caplog.text


def archive(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"%PDF-1.7 ...", "looks like a PDF"),
        (b"\x89PNG\r\n", "looks like a picture"),
        (b"<!DOCTYPE html><html>", "looks like a web page"),
        (b'{"smiles": ["C"]}', "looks like JSON"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (gzip.compress(CSV.encode(), mtime=0)[:-9], "no whole gzip file"),
        (b"PK\x03\x04 and no more", "no whole zip file"),
        (archive(a="x", b="y"), "an archive of 2 files"),
        (archive(**{"word/document.xml": "<x/>"}), "looks like a Word document"),
        (archive(**{"xl/workbook.xml": "<x/>"}), "this spreadsheet cannot be read"),
        (b"PAR1 and no more", "this Parquet file cannot be read"),
        (bytes(range(32)) * 20, "looks like a binary file"),
        (b"\xff\xfe\x00", "no text in UTF-16"),
        (b'smiles,target\n"C' + b"C" * 200_000, "line 2: field larger than field limit"),
        (b"smiles,target\nC,1\nCC,2,3\n", "line 3 has more cells than the header: 3, not 2"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(tmp_path, content, complaint):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InvalidInput) as told:
        read_csv(tmp_path / "a.csv")
    assert str(told.value).startswith(f"cannot read {tmp_path / 'a.csv'}: ")
    assert complaint in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacked, "LARGEST", 10_000)
    for content in (gzip.compress(b"C" * 10_001), archive(a="C" * 10_001)):
        (tmp_path / "bomb.csv").write_bytes(content)
        with pytest.raises(InvalidInput, match="unpacks to more than"):
            read_csv(tmp_path / "bomb.csv")


def test_a_stray_quote_that_swallows_rows_is_an_error_and_a_note_of_two_lines_is_none(
    tmp_path, caplog
):
    lines = ["smiles,target,name", *(f"{'C' * n},{n},compound {n}" for n in range(1, 30))]
    lines[5] = 'CCCCC,5,"compound 5'
    lines[20] = f'{"C" * 20},20,compound" 20'
    (tmp_path / "quote.csv").write_text("\n".join(lines))
    with pytest.raises(InvalidInput, match="lines 6 to 21 are one cell that swallows rows"):
        read_csv(tmp_path / "quote.csv")
    (tmp_path / "note.csv").write_text(
        'smiles,target,note\nC,1,"measured\ntwice"\nCC,2,\nC1C,3,"\n\n"\n'
    )
    with pytest.raises(InvalidInput, match="line 5: SMILES 'C1C' cannot be parsed"):
        read_csv(tmp_path / "note.csv")
    dataset = read_csv(tmp_path / "note.csv", drop_invalid=True)
    assert dataset.smiles == ("C", "CC")
    assert dataset.lines == (2, 4)
    assert "lines 2 to 3 are one row: a cell in quotes spans them" in caplog.text


@pytest.mark.parametrize(
    ("smiles", "complaint"),
    [
        ("CN(C)C (=O)c1ccccc1", "contains white space"),
        ("C\nC", "contains white space"),
        ("CC CCO", "contains white space"),
        ("\u0421C", "CYRILLIC CAPITAL LETTER ES"),
        ("CC\u0421", "CYRILLIC CAPITAL LETTER ES"),
        ("C\u200bC", "ZERO WIDTH SPACE"),
        ("C1CC", "cannot be parsed"),
        ("", "cannot be parsed"),
        ("C" * (LONGEST + 1), "has 5,001 characters, more than 5,000"),
        ("C |bad", "contains white space"),
    ],
)  # fmt: skip
def test_what_rdkit_would_read_otherwise_is_refused(smiles, complaint):
    assert complaint in fault_of(smiles)


@pytest.mark.parametrize(
    "smiles", ["CCO", "\ufeffCCO\u00a0", "CCO\u200b", " CCO\t", "CCO |$;;label$|"]
)
def test_what_nobody_sees_at_the_ends_is_no_fault(smiles):
    assert fault_of(cleaned(smiles)) is None
    assert canonical([cleaned(smiles)]) == ["CCO"]


def test_the_longest_smiles_do_no_harm():
    for smiles in ("C" * LONGEST, "C(" * 1666 + "C" + ")" * 1666, "C1CC1" * 1000):
        assert fault_of(smiles) is None


def test_a_column_of_text_stays_text(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,target,id\nC,1,007\nCC,2,7\nCCC,3,1e3\n")
    assert list(read_cells(tmp_path / "a.csv").frame["id"]) == ["007", "7", "1e3"]


def test_encode_names_the_physical_line_and_may_leave_molecules_out(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("smiles\nCCO\n\n\nCCN\nc1ccccc\nC\n")
    command = ["encode", "ecfp4", str(tmp_path / "a.csv"), "-o", str(tmp_path / "a.npy")]
    with pytest.raises(SystemExit) as stop:
        main(command)
    assert stop.value.code == 1
    assert "line 6: SMILES 'c1ccccc' cannot be parsed" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "--drop-invalid"])
    assert "left out 1 invalid molecules\n  line 6: SMILES" in capsys.readouterr().err
    assert np.load(tmp_path / "a.npy").shape[0] == 3
    assert read_smiles(tmp_path / "a.csv", drop_invalid=True)[0] == ["CCO", "CCN", "C"]


def test_molecules_in_train_and_test_are_counted_and_told(tmp_path, caplog):
    frame = SIXTY.assign(part=["train"] * 40 + ["test"] * 20)
    frame = pd.concat([frame, frame[:3].assign(part="test", smiles=lambda f: f["smiles"])])
    frame.to_csv(tmp_path / "leak.csv", index=False)
    with pytest.raises(SystemExit) as stop:
        main(["run", "--csv", str(tmp_path / "leak.csv"), "--split-column", "part", "--weak",
              "weak-h8", "--strong", "ecfp4", "--out", str(tmp_path / "out")])  # fmt: skip
    assert not stop.value.code
    told = "leak, split column: 3 test molecules are also in train (lines 62, 63, 64)"
    assert told in caplog.text
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["splits"]["column"]["test_also_in_train"] == 3


def test_cut_molecules_are_counted_and_told_each_time(tmp_path, caplog):
    peptides = ["N" + "CC(=O)N" * n + "C" for n in (60, 70, 80)]
    frame = pd.concat([SIXTY, pd.DataFrame({"smiles": peptides, "target": [1.0, 2.0, 3.0]})])
    frame.to_csv(tmp_path / "long.csv", index=False)
    for _ in range(2):
        caplog.clear()
        with pytest.raises(SystemExit):
            main(["run", "--csv", str(tmp_path / "long.csv"), "--weak", "weak-h8", "--weak",
                  "weak-h12", "--strong", "ecfp4", "--out", str(tmp_path / "out")])  # fmt: skip
        told = "weak-h8, weak-h12: 3 of 63 SMILES of long have more tokens than the encoder takes"
        assert told in caplog.text
        assert "lines 62, 63, 64" in caplog.text
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["encoders"]["weak-h8"]["smiles_cut"] == 3
    assert manifest["encoders"]["ecfp4"]["smiles_cut"] == 0


def test_a_constant_target_is_told(tmp_path, capsys):
    SIXTY.assign(target=3.0).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(SystemExit):
        main(["run", "--csv", str(tmp_path / "a.csv"), "--out", str(tmp_path / "out")])
    assert "every target of a is 3: there is nothing to learn" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_small_targets_are_printed_with_their_digits(tmp_path, capsys):
    SIXTY.assign(target=SIXTY["target"] * 1e-6).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(SystemExit):
        main(["run", "--csv", str(tmp_path / "a.csv"), "--weak", "weak-h8", "--weak", "weak-h12",
              "--strong", "ecfp4", "--out", str(tmp_path / "out")])  # fmt: skip
    for command in (["report"], ["compare"]):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            main([*command, str(tmp_path / "out")])
        out = capsys.readouterr().out
        assert "0.0000" not in out
        assert "e-12" in out
