"""The only room with SQLAlchemy: tables, one class per aggregate, migrations."""
