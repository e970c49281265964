"""Is this XML what ONVIF's schemas say? One schema per release, built once, from the files of an installed package.

`validate(answer)` takes a SOAP envelope (or its first body child, or any ONVIF element), looks at the first body child
and the header blocks, and raises AssertionError with all mistakes. The files of 2014 are always there: what they do not
know is returned by name, so that a test can check its structure by hand and cannot mistake silence for validity:

    assert validate(answer) == set()            # fully covered
    assert validate(answer) == {"{http://www.onvif.org/ver20/media/wsdl}GetProfilesResponse"}
"""

from __future__ import annotations

from lxml import etree

from tests.schema_releases import OF_2014, TT, Release, declared_by, schema_of

__all__ = ["TT", "check_fault", "first_body_child", "validate"]

ENV = "http://www.w3.org/2003/05/soap-envelope"


def validate(document: etree._Element | bytes, release: Release = OF_2014) -> set[str]:
    """The names used in the document that the schemas do not know; AssertionError when it breaks what they do know."""
    root = etree.fromstring(document) if isinstance(document, bytes) else document
    element = first_body_child(root)
    if element is not root:
        blocks = [block for header in root.iterfind(f"{{{ENV}}}Header") for block in header.iterchildren(etree.Element)]
        return {name for part in (*blocks, element) for name in validate(part, release)}
    if element.tag == f"{{{ENV}}}Fault":
        check_fault(element)
        details = element.find(f"{{{ENV}}}Detail")
        return {name for detail in (details if details is not None else ()) for name in validate(detail, release)}
    schema = schema_of(release)
    if element.tag not in schema.maps.elements:
        return {str(element.tag)}
    # QNames inside texts and attributes are resolved by these.
    prefixes = {prefix: uri for child in element.iter() for prefix, uri in child.nsmap.items() if prefix}
    declaration = schema.maps.elements[element.tag]
    errors = [f"{error.path}: {error.reason}" for error in declaration.iter_errors(element, namespaces=prefixes)]
    assert not errors, "\n".join([f"{element.tag} is not valid:", *errors, etree.tostring(element).decode()])
    return {str(child.tag) for child in element.iter(etree.Element) if _is_unknown(str(child.tag), release)}


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


def _is_unknown(name: str, release: Release) -> bool:
    """Topics name their own elements, so they are nobody's to declare."""
    namespace = name[1:].partition("}")[0] if name.startswith("{") else ""
    declared = declared_by(release)
    if namespace in declared:
        return name not in declared[namespace]
    return namespace.startswith("http://www.onvif.org/") and not namespace.endswith("/topics")
