"""The ctypes structures against a C program compiled from include/adamw.h."""
import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from libadamw import _library as lib

INCLUDE = Path(__file__).parents[3] / "include"
STRUCTURES = {"adamw_config": lib.Config, "adamw_tensor": lib.Tensor, "adamw_update_options": lib.UpdateOptions,
              "adamw_update_report": lib.UpdateReport, "adamw_schedule_config": lib.ScheduleConfig,
              "adamw_schedule": lib.ScheduleState, "adamw_schedule_group": lib.ScheduleGroup, "adamw_info": lib.Info}
ENUMS = {"ADAMW_DECAY": lib.DECAY, "ADAMW_ARITHMETIC": lib.ARITHMETIC, "ADAMW_CLIP": lib.CLIP, "ADAMW_EMA": lib.EMA,
         "ADAMW_ISA": lib.ISA, "ADAMW_DTYPE": lib.DTYPE, "ADAMW_ROUND": lib.ROUNDING}
PREFIXES = {"kind": "SCHEDULE", "unit": "UNIT", "warmup_unit": "UNIT", "mode": "MODE", "threshold_mode": "THRESHOLD",
            "anneal": "ANNEAL", "weight_decay_kind": "WEIGHT_DECAY"}
for field, words in lib.SCHEDULE_WORDS.items():
    ENUMS[f"ADAMW_{PREFIXES[field]}"] = {word: value for value, word in enumerate(words)}


def compiled(tmp_path, lines):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler (cc) to compile the header with")
    source, program = tmp_path / "layout.c", tmp_path / "layout"
    source.write_text("#include <stdio.h>\n#include <adamw.h>\nint main(void) {\n" + "\n".join(lines) + "\n}\n")
    subprocess.run([compiler, f"-I{INCLUDE}", str(source), "-o", str(program)], check=True)
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return dict(line.split() for line in output.splitlines())


def test_structures(tmp_path):
    lines, expected = [], {}
    for name, structure in STRUCTURES.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected[name] = str(ctypes.sizeof(structure))
        for field, _ in structure._fields_:
            member = getattr(structure, field)
            lines.append(f'printf("{name}.{field} %zu,%zu\\n", offsetof({name}, {field}), '
                         f"sizeof((({name} *)0)->{field}));")
            expected[f"{name}.{field}"] = f"{member.offset},{member.size}"
    assert compiled(tmp_path, lines) == expected


def test_enumerations(tmp_path):
    lines, expected = [], {}
    for prefix, values in ENUMS.items():
        for name, value in values.items():
            constant = f"{prefix}_{name.upper().replace('-', '_')}"
            lines.append(f'printf("{constant} %d\\n", (int){constant});')
            expected[constant] = str(value)
    assert compiled(tmp_path, lines) == expected


def test_every_instruction_set_of_the_header_is_known():
    header = (INCLUDE / "adamw.h").read_text()
    body = re.search(r"typedef enum adamw_isa \{(.*?)\} adamw_isa;", header, flags=re.DOTALL).group(1)
    names = re.findall(r"ADAMW_ISA_(\w+) = \d", body)
    assert [name.upper() for name in lib.ISA] == names and len(names) >= 5


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_member_of_the_header_is_known(name):
    headers = "".join((INCLUDE / file).read_text() for file in ("adamw.h", "adamw_schedule.h"))
    header = re.sub(r"/\*.*?\*/", "", headers, flags=re.DOTALL)
    body = re.search(rf"typedef struct {name} {{(.*?)}} {name};", header, flags=re.DOTALL).group(1)
    members = re.findall(r"(\w+)(?:\[\d+\])?[,;]", body)
    assert members == [field for field, _ in STRUCTURES[name]._fields_]
