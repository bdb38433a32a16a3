"""What people see: tables in the terminal and figures."""
