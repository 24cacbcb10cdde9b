"""Licence texts: which licence they are, and which ones belong into a wheel."""
