"""The catalogue: one module per paper, one folder per topic."""

from pathlib import Path

from gdverify.bibliography import Bibliography

PAPERS = Bibliography(Path(__file__).with_name("papers.toml"))
