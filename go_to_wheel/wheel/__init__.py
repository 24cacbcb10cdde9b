"""The contents of a wheel and how they are written: metadata, entries, SBOM, launcher."""
