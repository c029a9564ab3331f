"""pyrofile's test plan for servers, `base-r4`: https://pypi.org/project/pyrofile-validator/"""

import os

import requests
from pyrofile_validator import api_testing
from pyrofile_validator.config import ValidatorConfig

from check import FHIR, check, end, token

HEADERS = {"Authorization": "Bearer " + token()}
PLAN = api_testing.load_builtin_api_test_plan("base-r4")
found = requests.get(FHIR + "/Patient?_count=1", headers=HEADERS, timeout=30).json()["entry"][0]["resource"]
inputs = {"resourceType": found["resourceType"], "resourceId": found["id"], "versionId": found["meta"]["versionId"]}
# The definitions of R4 and of this service, which its answers are validated by.
settings = {"localPackagePaths": os.environ["KAP_DEFINITIONS"].split(":"), "terminology": {"mode": "local"}}
report = api_testing.run_api_tests(FHIR, PLAN, config=ValidatorConfig.load_dict(settings), options=api_testing.ApiTestOptions(headers=HEADERS, inputs=inputs))
for scenario in report.scenarios:
    status = scenario.status.value
    wrong = [a.message for a in scenario.assertions if a.status.value != "PASS"]
    if scenario.validation_report is not None:
        wrong += [f"{i.path}: {i.message}" for i in scenario.validation_report.issues if i.severity.value in ("error", "fatal")]
    check(scenario.id, lambda: status if status == "PASS" else (status, wrong, scenario.skip_reason), lambda said: said == "PASS")
end()
