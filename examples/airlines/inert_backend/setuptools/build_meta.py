"""A build backend that builds nothing: it answers pip's question for a package's metadata from its PKG-INFO.

``pip download`` wants the metadata of a source package even when it's told to fetch only, and gets it by
running the package's ``setup.py`` (pip's issue 1884). With this folder on PYTHONPATH, pip's own hook
(PEP 517) asks here instead, and a text file is copied. No way leads from here to a wheel or an installation.
"""

from email.parser import BytesHeaderParser
from pathlib import Path


class _CopiesPkgInfo:
    def get_requires_for_build_wheel(self, config_settings: object = None) -> list[str]:
        return []

    def prepare_metadata_for_build_wheel(self, metadata_directory: str, config_settings: object = None) -> str:
        pkg_info = Path("PKG-INFO").read_bytes()
        headers = BytesHeaderParser().parsebytes(pkg_info)
        folder = Path(metadata_directory, f"{headers['Name'].replace('-', '_')}-{headers['Version']}.dist-info")
        folder.mkdir()
        (folder / "METADATA").write_bytes(pkg_info)
        return folder.name


__legacy__ = _CopiesPkgInfo()
