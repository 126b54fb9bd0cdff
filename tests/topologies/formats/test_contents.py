"""What files hold is told by their beginnings: our own kinds, and those that are taken for them."""

import gzip

import numpy as np
import pytest

from topologies.formats import contents, files
from topologies.formats.spec import topology


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "an empty file"),
        (b" \n", "an empty file"),
        (
            b'{"format":"commplan/schedule/1","topology":{"format":"commplan/topology/1"',
            "a schedule",
        ),
        (b'{\n "format" : "commplan/set/1"', "a set of schedules"),
        (b'{"format":"commplan/topology/2"', "a topology"),
        (b'\xef\xbb\xbf# a\n# b\nformat = "commplan/topology/1"', "a topology"),
        (b'{"a": 1}', "a JSON object"),
        (b"[[1, 2]]", "a JSON list"),
        (b"[true]", "a JSON list"),
        (b"[table]\nx = 1", "TOML"),
        (b"x = 1", "TOML"),
        (b"# own\n[[block]]\n", "a collective in TOML"),
        (b'name = "halo"\n\n[[block]]', "a collective in TOML"),
        (b'<?xml version="1.0"?>\n<graphml>', "GraphML"),
        (b"<html>", "XML"),
        (b"1,2\n", "lines of numbers"),
        (b"# bytes\n-1 2\r\n3", "lines of numbers"),
        (b"\x93NUMPY\x01", "a numpy array"),
        (b"#include <mpi.h>", "a program in C"),
        (b"/* all_gather */", "a program in C"),
        (b"#!/usr/bin/env python3", "a program in Python"),
        (b"from mpi4py import MPI", "a program in Python"),
        (b"#!/bin/sh\n", "a shell script"),
        (b"(\xb5/\xfd", "data packed by zstd"),
        (gzip.compress(b"x"), "data packed by gzip"),
        (b"\x7fELF\x02\x01\x01\0\0", "binary data"),
        (b"abc\xff", "binary data"),
        (b"importance of sums", "text"),
        (b"x" * 4095 + "é".encode(), "text"),
    ],
)
def test_a_beginning_tells_the_kind(data, kind):
    assert contents.kind(data) == kind


def test_what_is_written_is_known_again(tmp_path):
    for name, kind in (
        ("m.json", "a topology"),
        ("m.toml", "a topology"),
        ("m.graphml", "GraphML"),
    ):
        files.save(topology("ring:3"), tmp_path / name)
        assert contents.kind((tmp_path / name).read_bytes()) == kind
    np.save(tmp_path / "d.npy", np.ones(3))
    assert contents.kind((tmp_path / "d.npy").read_bytes()) == "a numpy array"


def test_another_kind_is_refused_with_both_named():
    contents.expect(b"{}", (contents.OBJECT,), "a schedule")
    with pytest.raises(ValueError, match=r"^found a JSON list, expected a schedule$"):
        contents.expect(b"[]", (contents.OBJECT,), "a schedule")
