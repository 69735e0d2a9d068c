"""Show what a certification found: certificate, page, badge, comparison, and how to verify one."""
