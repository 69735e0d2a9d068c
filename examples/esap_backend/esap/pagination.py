"""Pages in the envelope that ESAP's front end expects of every list."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response


class Pages(PageNumberPagination):
    """Pages by number: `?page=2&page_size=100`."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500

    def get_paginated_response(self, data: Any) -> Response:
        """Put a page into the envelope."""
        return Response(
            {
                "description": "ESAP API Gateway",
                "requested_page": self.page.number,
                "requested_page_size": self.page.paginator.per_page,
                "default_page_size": self.page_size,
                "max_page_size": self.max_page_size,
                "count": self.page.paginator.count,
                "pages": self.page.paginator.num_pages,
                "results": data,
            }
        )
