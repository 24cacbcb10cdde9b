"""What a wheel holds and how it is written: metadata, entries, SBOM, launcher, archive."""
