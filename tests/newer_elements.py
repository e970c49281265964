"""Lets a message with a plate be validated by schemas that are older than plates.

An ElementItem may hold any global element, strictly. ONVIF's own convention names the child after a type
(`tt:LicensePlateInfo`, `tt:Rectangle`) that no schema declares as an element, so those are replaced by one that every
release knows; their structure is tested by hand.
"""

from __future__ import annotations

import copy

from lxml import etree

TT = "http://www.onvif.org/ver10/schema"
NEWER = (f"{{{TT}}}LicensePlateInfo", f"{{{TT}}}Rectangle")


def replaced(root: etree._Element | bytes) -> etree._Element:
    """A copy in which the values of ElementItems are ones that the schemas know."""
    found = etree.fromstring(root) if isinstance(root, bytes) else copy.deepcopy(root)
    for item in list(found.iter(f"{{{TT}}}ElementItem")):
        (value,) = item
        assert value.tag in NEWER, f"{value.tag} is not one of the values that need this"
        item.remove(value)
        polygon = etree.SubElement(item, f"{{{TT}}}Polygon")
        for _ in range(3):
            etree.SubElement(polygon, f"{{{TT}}}Point", x="0", y="0")
    return found
