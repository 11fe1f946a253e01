"""The register's revisions, oldest first."""
