"""A real Apache Kafka that asks who one is: SASL_SSL with every mechanism, a listener for mutual TLS, and ACLs.

with secure_kafka(folder) as kafka:
    kafka.add_user("alice", "any password")
    kafka.allow("User:alice", grants)
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient

# admin uses these without exporting them, says mypy
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from callgauge_deploy.acls import Grant
from tests.brokers import HOST, Kafka, free_port
from tests.certificates import Authority

__all__ = ["SecureKafka", "secure_kafka", "unsigned_token"]

ADMIN, ADMIN_PASSWORD = "admin", "admin-secret"
#: A user that Kafka knows by PLAIN alone: its users are in the broker's configuration.
PLAIN_USER, PLAIN_PASSWORD = "plain", "pl4in =,'"

SECURITY = """
listeners=SASL_SSL://{host}:{port},SSL://{host}:{tls_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=SASL_SSL://{host}:{port},SSL://{host}:{tls_port}
listener.security.protocol.map=SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN,OAUTHBEARER
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="{admin}" password="{admin_password}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{plain_user}="{plain_password}";
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="{admin}";
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.both.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.ssl.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
# the controller's listener, which has no security here, knows its client by no name
super.users=User:{admin};User:ANONYMOUS
"""


class SecureKafka(Kafka):
    """See the module."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tls_port = free_port()
        self.authority = Authority(folder)
        self.authority.sign("broker", host=f"IP:{HOST}")

    def properties(self) -> str:
        """What the plain broker has, and security: of a line that is there twice the last one counts."""
        return super().properties() + SECURITY.format(
            host=HOST,
            port=self.port,
            tls_port=self.tls_port,
            controller_port=self._controller_port,
            folder=self.folder,
            admin=ADMIN,
            admin_password=ADMIN_PASSWORD,
            plain_user=PLAIN_USER,
            plain_password=PLAIN_PASSWORD,
        )

    def format_arguments(self) -> list[str]:
        """The administrator is known from the start."""
        return ["--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={ADMIN_PASSWORD}]"]

    def client(self) -> dict[str, Any]:
        """The administrator's connection."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.authority.certificate),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": ADMIN,
            "sasl.password": ADMIN_PASSWORD,
        }

    def settings_of(self, user: str, password: str, **more: Any) -> dict[str, Any]:
        """Settings of callgauge for a user."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_SSL",
            "ssl_ca_file": str(self.authority.certificate),
            "sasl_username": user,
            "sasl_password": password,
            **more,
        }

    def add_user(self, name: str, password: str) -> None:
        """A user of SCRAM, by both of its hashes."""
        mechanisms = (ScramMechanism.SCRAM_SHA_512, ScramMechanism.SCRAM_SHA_256)
        wanted: list[Any] = [
            UserScramCredentialUpsertion(name, ScramCredentialInfo(mechanism, 4096), password.encode())
            for mechanism in mechanisms
        ]
        admin = AdminClient(self.client())
        for alteration in wanted:  # one request may name a user once
            for done in admin.alter_user_scram_credentials([alteration]).values():
                done.result(20)

    def allow(self, principal: str, grants: Iterable[Grant]) -> None:
        """Add ACLs."""
        bindings = [
            AclBinding(
                ResourceType[grant.resource.upper()],
                grant.name,
                ResourcePatternType.PREFIXED if grant.prefixed else ResourcePatternType.LITERAL,
                principal,
                "*",
                AclOperation[_snake(operation)],
                AclPermissionType.ALLOW,
            )
            for grant in grants
            for operation in grant.operations
        ]
        admin = AdminClient(self.client())
        for done in admin.create_acls(bindings).values():
            done.result(20)


def _snake(operation: str) -> str:
    return "DESCRIBE_CONFIGS" if operation == "DescribeConfigs" else operation.upper()


def unsigned_token(user: str, now_s: float, life_s: float = 600) -> str:
    """A token as Kafka's validator for tests takes it: nobody has signed it."""
    claims = {"sub": user, "iat": now_s - 5, "exp": now_s + life_s}
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """A running one, stopped at the end."""
    kafka = SecureKafka(folder)
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.stop()
