"""Which files go into a source archive, in git and without."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from programs import program

from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.process import Host
from go_to_wheel.sources.git import Git
from go_to_wheel.sources.listing import find_secrets, is_secret, list_sdist_files

GITIGNORE = """\
*.log
!keep.log
/local/
build-*/
broken\\
[
data/*
!data/wanted.txt
"""
FILES = {
    ".gitignore": GITIGNORE,
    "sub/.gitignore": "\ufeffonly-here\r\n!wanted.log\r\n",  # as Windows' editor writes it
    **dict.fromkeys(
        ["main.go", "a.log", "keep.log", "local/x", "sub/local/x", "build-1/x", "data/x",
         "data/wanted.txt", "sub/only-here", "sub/wanted.log", "only-here", "id_rsa", "certs/a.pem",
         "secrets.yaml", "secrets.go", ".env", ".hidden/x", "dist/x", "node_modules/x/y", "x.pyc",
         "env/pyvenv.cfg", "env/x"], ""
    ),
}  # fmt: skip
EXPECTED = {
    "main.go", "keep.log", "sub/local/x", "data/wanted.txt", "sub/wanted.log", "only-here",
    "secrets.go",
}  # fmt: skip
SECRET = ["certs/a.pem", "id_rsa", "secrets.yaml"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return tmp_path


def listed(
    folder: Path, include: list[str] | None = None, exclude: list[str] | None = None
) -> tuple[set[str], list[str]]:
    git = Git(folder, Host({**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}))
    paths, secret = list_sdist_files(folder, git, include or [], exclude or [])
    return paths, sorted(secret)


@pytest.mark.parametrize("repository", [False, True], ids=["without git", "git"])
def test_ignored_files_and_leftovers_stay_out(folder: Path, repository: bool) -> None:
    if repository:
        subprocess.run([program("git"), "init", "-q"], cwd=folder, check=True)
    assert listed(folder) == (EXPECTED, SECRET)


def test_patterns_of_parent_folders_count_without_git(folder: Path) -> None:
    (folder / ".git").mkdir()
    below = folder / "sub" / "tool"
    for name in ("main.go", "a.log", "wanted.log", "only-here", "build-1/x", "id_rsa"):
        (below / name).parent.mkdir(parents=True, exist_ok=True)
        (below / name).touch()
    without_git = Git(below, Host({"PATH": ""}))
    expected = {"main.go", "wanted.log"}
    assert list_sdist_files(below, without_git, [], []) == (expected, {"id_rsa"})
    (folder / ".gitignore").write_text("/sub/\n")  # then the project is no part of it
    expected |= {"a.log", "only-here", "build-1/x"}
    assert list_sdist_files(below, without_git, [], [])[0] == expected


def test_tracked_files_are_never_secret(folder: Path) -> None:
    subprocess.run([program("git"), "init", "-q"], cwd=folder, check=True)
    tracked = ["id_rsa", "dist/x", "a.log", ".env"]
    subprocess.run([program("git"), "add", "-f", *tracked], cwd=folder, check=True)
    found, secret = listed(folder)
    assert found == {*EXPECTED, "id_rsa", "dist/x", "a.log"}
    assert secret == ["certs/a.pem", "secrets.yaml"]


@pytest.mark.parametrize("repository", [False, True], ids=["without git", "git"])
def test_names_with_blanks_at_the_ends(tmp_path: Path, repository: bool) -> None:
    names = {" first.go", "last ", "\tmiddle.go"} if os.name == "posix" else {" first.go"}
    for name in names:
        (tmp_path / name).touch()
    if repository:
        subprocess.run([program("git"), "init", "-q"], cwd=tmp_path, check=True)
    assert listed(tmp_path) == (names, [])


@pytest.mark.parametrize("repository", [False, True], ids=["without git", "git"])
def test_include_and_exclude_patterns(folder: Path, repository: bool) -> None:
    if repository:
        subprocess.run([program("git"), "init", "-q"], cwd=folder, check=True)
    found, secret = listed(folder, ["id_rsa", "/local/", ".env", "dist/"], ["*.go", "certs/"])
    assert found == (EXPECTED | {"id_rsa", "local/x", ".env", "dist/x"}) - {"main.go", "secrets.go"}
    assert secret == ["secrets.yaml"]


def test_invalid_pattern_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidOptionsError, match="sdist-exclude: "):
        listed(folder, exclude=["!"])


def test_untracked_secrets_are_found(folder: Path) -> None:
    paths, without_git = ["a.py", "id_rsa", "x/prod.env"], Git(folder, Host({"PATH": ""}))
    assert find_secrets(paths, without_git, []) == ("id_rsa", "x/prod.env")
    assert find_secrets(paths, without_git, ["/x/"]) == ("id_rsa",)


@pytest.mark.parametrize(
    "name",
    ["id_rsa", "ID_RSA", "deploy_rsa", "server.pem", "x/y/tls.key", "store.p12", "release.keystore",
     "secret", "secrets.yaml", "SECRETS.json", "my-secrets.toml", "client_secret_1.json",
     "service-account.json", "credentials", "aws_credentials.csv", "passwords.txt", "token",
     "api.token", "prod.env", "terraform.tfstate", "prod.tfvars", "kubeconfig",
     "id_ed25519_sk", "id_rsa.bak", "key.pem.old", "tls.key~", "prod.env.local", "secrets/a.txt",
     "x/credentials/prod", "aws_credentials", "creds.json", "db-password.txt", "api_key.txt",
     "accessKeys.csv", "me_accessKeys.csv", "rootkey.csv", "github-token", "gcp-key.json",
     "prod.kubeconfig", "kubeconfig.yaml", "a-firebase-adminsdk-b.json", "netrc", "npmrc"],
)  # fmt: skip
def test_secret_names(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["main.go", "secret.go", "token.go", "credentials.py", "secrets.md", "id_rsa.pub", "key.txt",
     "environment.yaml", "tokens_test.go", "keys", "secret_sharing.c", "certs/README.md",
     "secretary.txt", "pem", "secrets.example.yaml", "prod.env.sample", "secrets/x.go",
     "tokens.txt", "keyboard.json", "tokenizer.json", "monkey.json"],
)  # fmt: skip
def test_names_that_are_not_secret(name: str) -> None:
    assert not is_secret(name)
