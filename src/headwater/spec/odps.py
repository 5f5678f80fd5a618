"""The shape of a product descriptor: Bitol ODPS 1.1, as models.

Apart from its reader. No package ships the standard's schema, so it is
described here from the specification (Open Data Product Standard 1.1.0,
RFC 0038 context, RFC 0041 synonyms); like the standard's own, it is closed.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from headwater.spec.closed import CAMEL_CASE

__all__ = ["DataProductFile", "InputPortFile", "OutputPortFile"]

ApiVersion = Literal["v1.1.0", "v1.0.0", "v0.9.0"]


class _Closed(BaseModel):
    model_config = CAMEL_CASE


class CustomProperty(_Closed):
    id: str | None = None
    property: str
    value: Any
    description: str | None = None


class AuthoritativeDefinition(_Closed):
    id: str | None = None
    type: str
    url: str
    description: str | None = None


class _Annotated(_Closed):
    tags: list[str] = []
    custom_properties: list[CustomProperty] = []
    authoritative_definitions: list[AuthoritativeDefinition] = []


class Synonym(_Closed):
    id: str | None = None
    synonym: str
    description: str | None = None
    locale: str | None = None
    source: str | None = None
    status: str | None = None
    custom_properties: list[CustomProperty] = []


class VerifiedStatement(_Annotated):
    id: str | None = None
    question: str
    answer: str | None = None


class Constraint(_Annotated):
    id: str | None = None
    constraint: str


class Context(_Closed):
    """Guidance for machines that read the product's data."""

    instructions: str | None = None
    verified_statements: list[VerifiedStatement] = []
    constraints: list[Constraint] = []


class Description(_Closed):
    purpose: str | None = Field(default=None, description="What the data is for.")
    limitations: str | None = None
    usage: str | None = None
    authoritative_definitions: list[AuthoritativeDefinition] = []
    custom_properties: list[CustomProperty] = []


class InputPortFile(_Annotated):
    """A relation of another product that this one reads."""

    id: str | None = None
    name: str = Field(description="The relation, as product.relation; its name alone when one product offers it.")
    version: str | None = None
    contract_id: str | None = Field(default=None, description="The contract relied on.")
    deprecated: bool = False


class InputContract(_Closed):
    id: str
    version: str


class BillOfMaterials(_Closed):
    id: str | None = None
    type: str = "external"
    url: str | None = None


class OutputPortFile(_Annotated):
    """A relation of this product that others may read."""

    id: str | None = None
    name: str = Field(description="The name of a model of this product.")
    description: str | None = None
    type: str | None = None
    version: str | None = None
    contract_id: str | None = Field(default=None, description="The contract that promises what the port holds.")
    sbom: list[BillOfMaterials] = []
    input_contracts: list[InputContract] = []
    synonyms: list[Synonym] = []
    deprecated: bool = False
    context: Context | None = None


class ManagementPort(_Annotated):
    id: str | None = None
    name: str
    content: str
    type: str = "rest"
    url: str | None = None
    channel: str | None = None
    description: str | None = None
    deprecated: bool = False


class Support(_Annotated):
    id: str | None = None
    channel: str
    url: str
    description: str | None = None
    tool: str | None = None
    scope: str | None = None
    invitation_url: str | None = None


class TeamMember(_Annotated):
    id: str | None = None
    username: str
    name: str | None = None
    description: str | None = None
    role: str | None = None
    date_in: str | None = None
    date_out: str | None = None
    replaced_by_username: str | None = None


class Team(_Annotated):
    name: str | None = None
    description: str | None = None
    members: list[TeamMember] = []


class DataProductFile(_Annotated):
    """A data product (``product.odps.yaml``)."""

    api_version: ApiVersion = Field(description="The version of the standard.")
    kind: Literal["DataProduct"]
    id: str
    name: str | None = None
    version: str | None = None
    status: str | None = None
    domain: str | None = None
    tenant: str | None = None
    type: str | None = None
    deprecated: bool = False
    synonyms: list[Synonym] = []
    context: Context | None = None
    description: Description | None = None
    input_ports: list[InputPortFile] = []
    output_ports: list[OutputPortFile] = []
    management_ports: list[ManagementPort] = []
    support: list[Support] = []
    team: Team | None = None
    product_created_ts: str | None = None
