"""The store on PostgreSQL 15 and newer: the port on tables that every machine can reach."""
