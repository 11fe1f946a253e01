"""Where a meter's readings come from: one specification a source kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pausewatch.fleet.base import Address, Declared, SecretName, ZoneName


class CsvSpec(Declared):
    """Rows of interval data: CSV (also gzip) or Parquet, local or at any fsspec URL."""

    kind: Literal["csv"]
    path: Address = Field(description="file, glob or URL; relative to the fleet file")
    time_column: str = Field(description="column of the interval's stamp")
    value_column: str = Field(description="column of the value")
    timezone: ZoneName | None = Field(None, description="IANA zone of stamps that carry no offset")
    stamps: Literal["start", "end"] = Field("start", description="which end of the interval a stamp names")
    where: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="only rows whose columns have these values"
    )
    available_column: str | None = Field(None, description="column that tells when a reading arrived")


class GreenButtonSpec(Declared):
    """ESPI Atom XML as utilities send it, from a file or a data custodian."""

    kind: Literal["green_button"]
    path: Address | None = Field(None, description="file, glob or URL; relative to the fleet file")
    url: Address | None = Field(None, description="data custodian's endpoint")
    subscription: str | None = Field(None, description="subscription id at the data custodian")
    credentials: SecretName | None = Field(None, description="name of the secret")

    @model_validator(mode="after")
    def _one_place(self) -> GreenButtonSpec:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either path, or url with subscription and credentials")
        if self.url is not None and self.subscription is None:
            raise ValueError("url needs subscription beside it")
        return self


class OpendatasoftSpec(Declared):
    """A dataset behind Opendatasoft's Explore API v2.1."""

    kind: Literal["opendatasoft"]
    url: Address = Field(description="portal's address")
    dataset: str = Field(description="dataset id")
    where: str | None = Field(None, description="ODSQL filter")
    time_field: str = Field(description="field of the interval's stamp")
    value_field: str = Field(description="field of the value")
    credentials: SecretName | None = Field(None, description="name of the secret")


class PrometheusSpec(Declared):
    """A query_range on a Prometheus server."""

    kind: Literal["prometheus"]
    url: Address = Field(description="server's address")
    query: str = Field(description="PromQL that yields one series")
    credentials: SecretName | None = Field(None, description="name of the secret")


class RedfishSpec(Declared):
    """A Redfish Sensor or TelemetryService MetricReport."""

    kind: Literal["redfish"]
    url: Address = Field(description="service's address")
    resource: str = Field(description="path of the resource")
    property: str | None = Field(None, description="property or metric that holds the value")
    credentials: SecretName | None = Field(None, description="name of the secret")


class SqlSpec(Declared):
    """A query on any SQLAlchemy database, with :start and :end."""

    kind: Literal["sql"]
    url: Address = Field(description="SQLAlchemy URL, without a secret in it")
    query: str = Field(description="SELECT of time and value between :start and :end")
    credentials: SecretName | None = Field(None, description="name of the secret")


class Eia930Spec(Declared):
    """Hourly balancing-authority demand of EIA-930, as context."""

    kind: Literal["eia930"]
    region: str = Field(description="balancing authority or region")
    credentials: SecretName | None = Field(None, description="name of the secret")


class OpenMeteoSpec(Declared):
    """Hourly outdoor temperature of Open-Meteo at the site's coordinates."""

    kind: Literal["open_meteo"]


SourceSpec = Annotated[
    CsvSpec | GreenButtonSpec | OpendatasoftSpec | PrometheusSpec | RedfishSpec | SqlSpec | Eia930Spec | OpenMeteoSpec,
    Field(discriminator="kind"),
]
