"""The page about MCP servers: its README line, its server.json, and uvx as the runtime."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from loopback import CALM, running_index
from support import go_to_wheel, wheel_texts

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "mcp.md").read_text(encoding="utf-8")
LINE = re.findall(r"```text\n(.*?)\n```", PAGE)[0]
SERVER, CLIENT = map(json.loads, re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))

#: A server without libraries; it knows one method.
SOURCE = """\
// Tea-mcp says how long to brew a tea.
package main

import (
	"encoding/json"
	"os"
)

var version = "dev"

type message struct {
	Version string         `json:"jsonrpc"`
	ID      any            `json:"id,omitempty"`
	Method  string         `json:"method,omitempty"`
	Result  map[string]any `json:"result,omitempty"`
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var asked message
		if in.Decode(&asked) != nil {
			return
		}
		if asked.Method == "initialize" {
			info := map[string]any{"name": "tea-mcp", "version": version}
			result := map[string]any{"protocolVersion": "2025-06-18", "serverInfo": info}
			out.Encode(message{Version: "2.0", ID: asked.ID, Result: result})
		}
	}
}
"""


def test_release_and_run(tmp_path: Path, uv: str) -> None:
    project = tmp_path / "tea-mcp"
    project.mkdir()
    (project / "go.mod").write_text("module github.com/owner/tea-mcp\n\ngo 1.24\n")
    (project / "main.go").write_text(SOURCE)
    (project / "README.md").write_text(f"# Tea\n\nAn MCP server.\n\n{LINE}\n")
    (package,) = SERVER["packages"]
    options = ("--version", package["version"], "--set-version-var", "main.version")
    dist = tmp_path / "dist"
    go_to_wheel(project, *options, "--platforms", "native", "--output-dir", dist)
    (wheel,) = dist.glob("*.whl")
    metadata = wheel_texts(wheel)["METADATA"]
    # the registry's rule: the name, and after it nothing that could belong to a name
    assert re.search(rf"mcp-name: {re.escape(SERVER['name'])}(?![\w./-])", metadata)
    assert f"Name: {package['identifier']}\nVersion: {package['version']}\n" in metadata
    assert SERVER["version"] == package["version"]
    assert len(SERVER["description"]) <= 100
    (configured,) = CLIENT["mcpServers"].values()
    assert configured["command"] == package["runtimeHint"] == "uvx"
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    (tmp_path / "index").mkdir()
    with running_index(tmp_path / "index") as index:
        index.upload(wheel)
        answered = subprocess.run(
            [uv, "tool", "run", "--default-index", index.simple, *configured["args"]],
            input=json.dumps(request) + "\n",
            env={**os.environ, **CALM, "UV_CACHE_DIR": str(tmp_path / "cache"),
                 "UV_PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
    reply = json.loads(answered.stdout)
    assert reply["result"]["serverInfo"] == {"name": "tea-mcp", "version": "1.2.0"}
