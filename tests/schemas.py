"""Is this XML what ONVIF's schemas say? One schema, built once, from the files that an installed client ships.

`validate(answer)` takes a SOAP envelope (or its first body child, or any ONVIF element), looks at the first body child
and the header blocks, and raises AssertionError with all mistakes. The files are of 2014: what they do not know is
returned by name, so that a test can check its structure by hand and cannot mistake silence for validity:

    assert validate(answer) == set()            # fully covered
    assert validate(answer) == {"{http://www.onvif.org/ver20/media/wsdl}GetProfilesResponse"}
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import onvif
import xmlschema
from lxml import etree

ENV = "http://www.w3.org/2003/05/soap-envelope"
XS = "http://www.w3.org/2001/XMLSchema"
TT = "http://www.onvif.org/ver10/schema"
# Core 9.5 uses these types as elements of the topic set, but no schema declares the elements.
_ELEMENTS_OF_TYPES = {"MessageDescription": "tt:MessageDescription"}
# Where pip puts the WSDL files of onvif-zeep: beside the package.
FILES = Path(onvif.__file__).resolve().parent.parent / "wsdl"
_WSDLS = ("devicemgmt", "media", "imaging", "deviceio", "events", "analytics")
_OTHERS = {
    "http://docs.oasis-open.org/wsrf/r-2": "r-2.xsd",
    "http://docs.oasis-open.org/wsrf/bf-2": "bf-2.xsd",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing": "addressing",
    "http://schemas.xmlsoap.org/ws/2005/04/discovery": "ws-discovery.xsd",
}


def validate(document: etree._Element | bytes) -> set[str]:
    """The names used in the document that the schemas do not know; AssertionError when it breaks what they do know."""
    root = etree.fromstring(document) if isinstance(document, bytes) else document
    element = first_body_child(root)
    if element is not root:
        blocks = [block for header in root.iterfind(f"{{{ENV}}}Header") for block in header.iterchildren(etree.Element)]
        return {name for part in (*blocks, element) for name in validate(part)}
    if element.tag == f"{{{ENV}}}Fault":
        check_fault(element)
        details = element.find(f"{{{ENV}}}Detail")
        return {name for detail in (details if details is not None else ()) for name in validate(detail)}
    schema = onvif_schema()
    if element.tag not in schema.maps.elements:
        return {str(element.tag)}
    # QNames inside texts and attributes are resolved by these.
    prefixes = {prefix: uri for child in element.iter() for prefix, uri in child.nsmap.items() if prefix}
    declaration = schema.maps.elements[element.tag]
    errors = [f"{error.path}: {error.reason}" for error in declaration.iter_errors(element, namespaces=prefixes)]
    assert not errors, "\n".join([f"{element.tag} is not valid:", *errors, etree.tostring(element).decode()])
    return {str(child.tag) for child in element.iter(etree.Element) if _is_unknown(str(child.tag))}


def first_body_child(document: etree._Element | bytes) -> etree._Element:
    """What an envelope carries; anything else is taken as it is."""
    root = etree.fromstring(document) if isinstance(document, bytes) else document
    if root.tag != f"{{{ENV}}}Envelope":
        return root
    body = root.find(f"{{{ENV}}}Body")
    assert body is not None, "the Envelope has no Body"
    children = list(body.iterchildren(etree.Element))
    assert len(children) == 1, f"the Body holds {len(children)} elements"
    return children[0]


def check_fault(fault: etree._Element) -> None:
    """SOAP 1.2 part 1, section 5.4: Code, Reason, then optional parts; values are QNames with declared prefixes."""
    names = [etree.QName(child).localname for child in fault]
    order = ["Code", "Reason", "Node", "Role", "Detail"]
    assert names[:2] == ["Code", "Reason"], names
    assert names == [name for name in order if name in names], names
    code = fault.find(f"{{{ENV}}}Code")
    while code is not None:
        value = code.findtext(f"{{{ENV}}}Value", "")
        prefix, _, local = value.partition(":")
        assert local and code.nsmap.get(prefix), f"{value!r} is not a QName with a declared prefix"
        code = code.find(f"{{{ENV}}}Subcode")
    text = fault.find(f"{{{ENV}}}Reason/{{{ENV}}}Text")
    assert text is not None and text.text, "the Reason has no Text"
    assert text.get("{http://www.w3.org/XML/1998/namespace}lang"), "the Text has no xml:lang"


@functools.cache
def onvif_schema() -> xmlschema.XMLSchema10:
    """All schemas in one. Takes a few seconds once; nothing is fetched from a network."""
    with tempfile.TemporaryDirectory() as folder:
        wrapper = etree.Element(f"{{{XS}}}schema", nsmap={"xs": XS})
        for namespace, location in {TT: _with_elements(Path(folder)), **_extracted(Path(folder)), **_others()}.items():
            etree.SubElement(wrapper, f"{{{XS}}}import", namespace=namespace, schemaLocation=location)
        path = Path(folder) / "all.xsd"
        path.write_bytes(etree.tostring(wrapper))
        # The discovery schema imports the addressing schema from the network; its namespace is its address.
        return xmlschema.XMLSchema10(str(path), allow="local", loglevel="ERROR", uri_mapper=_others())


def _with_elements(folder: Path) -> str:
    """onvif.xsd together with the elements that only the specification's text declares."""
    schema = etree.Element(f"{{{XS}}}schema", nsmap={"xs": XS, "tt": TT}, targetNamespace=TT)
    etree.SubElement(schema, f"{{{XS}}}include", schemaLocation=(FILES / "onvif.xsd").as_uri())
    for name, type_name in _ELEMENTS_OF_TYPES.items():
        etree.SubElement(schema, f"{{{XS}}}element", name=name, type=type_name)
    path = folder / "elements.xsd"
    path.write_bytes(etree.tostring(schema))
    return path.as_uri()


def _extracted(folder: Path) -> dict[str, str]:
    """The schemas inside the WSDL files as files of their own, with imports that lead to the installed ones."""
    locations = {}
    for name in _WSDLS:
        schema = next(etree.parse(FILES / f"{name}.wsdl").iter(f"{{{XS}}}schema"))
        for imported in schema.iter(f"{{{XS}}}import"):
            location = imported.get("schemaLocation")
            if location:
                imported.set("schemaLocation", (FILES / location).resolve().as_uri())
        path = folder / f"{name}.xsd"
        path.write_bytes(etree.tostring(schema))
        locations[schema.get("targetNamespace", "")] = path.as_uri()
    return locations


def _others() -> dict[str, str]:
    return {namespace: (FILES / name).as_uri() for namespace, name in _OTHERS.items()}


def _is_unknown(name: str) -> bool:
    """Topics name their own elements, so they are nobody's to declare."""
    namespace = name[1:].partition("}")[0] if name.startswith("{") else ""
    if namespace in _declared():
        return name not in _declared()[namespace]
    return namespace.startswith("http://www.onvif.org/") and not namespace.endswith("/topics")


@functools.cache
def _declared() -> dict[str, frozenset[str]]:
    """Every element name that a schema declares anywhere, by namespace: what "known" means."""
    names: dict[str, set[str]] = {}
    roots = [etree.parse(path).getroot() for path in FILES.glob("*.xsd")]
    roots += [next(etree.parse(FILES / f"{name}.wsdl").iter(f"{{{XS}}}schema")) for name in _WSDLS]
    for root in roots:
        namespace = root.get("targetNamespace", "")
        known = names.setdefault(namespace, set())
        known.update(f"{{{namespace}}}{e.get('name')}" for e in root.iter(f"{{{XS}}}element") if e.get("name"))
    names[TT].update(f"{{{TT}}}{name}" for name in _ELEMENTS_OF_TYPES)
    return {namespace: frozenset(known) for namespace, known in names.items()}
