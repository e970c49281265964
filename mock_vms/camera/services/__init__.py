"""The SOAP services of a virtual camera: one module a service, each a table of operations."""
