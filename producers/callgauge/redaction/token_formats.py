"""The formats of keys and tokens that providers document, or that their secret scanners publish. One line a format.

A format has a needle, which each of its tokens holds in lower case: where a text has none of it, the pattern is not
tried, which costs a hundredth of trying it.
No pattern can take long: each of its repeats without end keeps what it took and is the last thing in it, or begins
where a lookbehind lets it begin only once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["FORMATS", "TokenFormat"]


@dataclass(frozen=True, slots=True)
class TokenFormat:
    """How one provider's keys look.

    Attributes:
        kind: what stands in their place.
        needle: a text that is in each of them when it is written in lower case.
        pattern: matches one.
        before: so many characters before the match, which a lookbehind has checked, belong to the key.
    """

    kind: str
    needle: str
    pattern: re.Pattern[str]
    before: int = 0


def _format(kind: str, needle: str, pattern: str, before: int = 0) -> TokenFormat:
    return TokenFormat(kind, needle, re.compile(pattern), before)


def _named(kind: str, needle: str, name: str, value: str) -> TokenFormat:
    """A value that only its name tells, which stands before it, in any case, with a colon or an equals sign."""
    return _format(kind, needle, rf"""(?i:{name})["']?\s{{0,4}}[:=]\s{{0,4}}["']?{value}""")


FORMATS = (
    # Model providers.
    _format("anthropic_key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{16,}+"),
    _format("openai_key", "sk-", r"sk-(?:proj|svcacct|admin|None|or-v1|lf)-[A-Za-z0-9_-]{16,}+"),
    _format("openai_key", "sk-", r"(?<![A-Za-z0-9])sk-(?!ant-)[A-Za-z0-9_-]{20,}+"),
    _format("langfuse_key", "pk-lf-", r"pk-lf-[0-9a-f-]{36}"),
    _format("huggingface_token", "hf_", r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}+"),
    _format("huggingface_token", "api_org_", r"api_org_[A-Za-z0-9]{30,}+"),
    _format("groq_key", "gsk_", r"gsk_[A-Za-z0-9]{40,}+"),
    _format("xai_key", "xai-", r"xai-[A-Za-z0-9]{40,}+"),
    _format("perplexity_key", "pplx-", r"pplx-[A-Za-z0-9]{40,}+"),
    _format("replicate_token", "r8_", r"(?<![A-Za-z0-9])r8_[A-Za-z0-9]{30,}+"),
    _format("nvidia_key", "nvapi-", r"nvapi-[A-Za-z0-9_-]{40,}+"),
    _format("langsmith_key", "lsv2_", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    _format("fireworks_key", "fw_", r"(?<![A-Za-z0-9])fw_[A-Za-z0-9]{20,}+"),
    # Clouds.
    _format("aws_key", "akia", r"AKIA[A-Z2-7]{16}"),
    _format("aws_key", "asia", r"ASIA[A-Z2-7]{16}"),
    _format("aws_key", "abia", r"ABIA[A-Z2-7]{16}"),
    _format("aws_key", "absk", r"ABSK[A-Za-z0-9+/]{60,}+={0,2}"),
    _format("aws_key", "bedrock-api-key-", r"bedrock-api-key-[A-Za-z0-9+/=_-]{40,}+"),
    _named("aws_secret", "aws", r"aws.?(?:secret|session).?(?:access.?)?(?:key|token)", r"[A-Za-z0-9/+]{38,}+={0,2}"),
    _named("aws_secret", "secretaccesskey", r"SecretAccessKey", r"[A-Za-z0-9/+]{38,}+={0,2}"),
    _named("aws_secret", "sessiontoken", r"SessionToken", r"[A-Za-z0-9/+]{38,}+={0,2}"),
    _format("google_key", "aiza", r"AIza[A-Za-z0-9_-]{35}"),
    _format("google_key", "aq.", r"(?<![A-Za-z0-9])AQ\.[A-Za-z0-9_-]{40,}+"),
    _format("google_token", "ya29.", r"ya29\.[A-Za-z0-9_-]{20,}+"),
    _format("google_secret", "gocspx-", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    # Azure's keys that can be told by sight, then those (32 hexadecimal digits) that only their header or name tells.
    _format("azure_key", "jqqj9", r"(?<=[A-Za-z0-9]{52})JQQJ9[9DH][A-Za-z0-9]{26,}+(?:==)?", before=52),
    _format("azure_key", "accountkey=", r"AccountKey=[A-Za-z0-9+/]{60,}+={0,2}"),
    _format("azure_key", "sharedaccesskey=", r"SharedAccessKey=[A-Za-z0-9+/]{40,}+={0,2}"),
    _format("azure_secret", "q~", r"(?<=[A-Za-z0-9_.~-]{3}[0-9])Q~[A-Za-z0-9_.~-]{31,34}", before=4),
    _format("azure_key", "sig=", r"(?<=[?&;])sig=[A-Za-z0-9%+/]{40,}+=?"),
    _named("azure_key", "api-key", r"\bapi-key", r"[A-Fa-f0-9]{32}"),
    _named("azure_key", "ocp-apim", r"Ocp-Apim-Subscription-Key", r"[A-Fa-f0-9]{32}"),
    _named("azure_key", "azure_openai", r"AZURE_OPENAI_(?:API_)?KEY", r"[A-Fa-f0-9]{32}"),
    # Everything else that prompts, logs and errors are full of.
    _format("github_token", "gh", r"gh[pousr]_[A-Za-z0-9_]{36,}+"),
    _format("github_token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,}+"),
    _format("gitlab_token", "glpat-", r"glpat-[A-Za-z0-9_-]{20,}+"),
    _format("slack_token", "xox", r"xox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}+"),
    _format("slack_token", "xapp-", r"xapp-[A-Za-z0-9-]{10,}+"),
    _format(
        "slack_webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}+"
    ),
    _format("stripe_key", "_", r"(?<![A-Za-z0-9])[srp]k_(?:live|test)_[A-Za-z0-9]{16,}+"),
    _format("webhook_secret", "whsec_", r"whsec_[A-Za-z0-9+/]{24,}+={0,2}"),
    _format("sendgrid_key", "sg.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _format("twilio_key", "sk", r"(?<![A-Za-z0-9])SK[0-9a-f]{32}"),
    _format("npm_token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _format("pypi_token", "pypi-", r"pypi-[A-Za-z0-9_-]{60,}+"),
    _format("databricks_token", "dapi", r"(?<![A-Za-z0-9])dapi[0-9a-f]{32}"),
    _format("digitalocean_token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _format("vault_token", "hvs.", r"hvs\.[A-Za-z0-9_-]{24,}+"),
    _format("jwt", "eyj", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+){1,3}+"),
    _format("token", "ear", r"(?i:\bBearer) {1,4}[A-Za-z0-9._~+/-]{16,}+=*+"),
    _format("token", "asic", r"(?i:\bBasic) {1,4}[A-Za-z0-9+/]{16,}+=*+"),
    _format("password", "://", r"(?<=://)[^\s/:@\"'<>]*+:[^\s/@\"'<>]++@"),
    *(
        _named("password", name, name, r"""(?!\[)[^\s"',;&<>\\]{6,}+""")
        for name in (
            "password",
            "passwd",
            "passphrase",
            "client_secret",
            "api_key",
            "apikey",
            "access_token",
            "secret_key",
        )
    ),
)
