"""Licence texts: which licence they are, and which ones belong into a wheel."""

from go_to_wheel.licenses.bundle import BundledLicenses, bundle_licenses
from go_to_wheel.licenses.notices import (
    Notice,
    Verdict,
    combine,
    go_notice,
    is_license_name,
    judge,
    license_files,
    unknown_licenses,
)
from go_to_wheel.licenses.recognise import (
    Recognised,
    recognise,
    recognise_files,
    recognise_several,
)

__all__ = [
    "BundledLicenses",
    "Notice",
    "Recognised",
    "Verdict",
    "bundle_licenses",
    "combine",
    "go_notice",
    "is_license_name",
    "judge",
    "license_files",
    "recognise",
    "recognise_files",
    "recognise_several",
    "unknown_licenses",
]
