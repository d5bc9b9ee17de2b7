"""Runs the FOCUS validator on each file, and prints which of its rules fail and how many it judged."""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import focus_validator

APPLICABLE = [
    "ACCOUNT_NAMING_SUPPORTED",
    "NEGOTIATED_PRICING_SUPPORTED",
    "PUBLIC_PRICE_LIST_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED",
    "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED",
    "TAGGING_SUPPORTED",
    "REGION_SUPPORTED",
]

# It opens a file of its package relative to the working directory.
PACKAGES = os.path.dirname(os.path.dirname(focus_validator.__file__))


def judge(path):
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.xml")
        command = [sys.executable, "-c", "from focus_validator.main import main; main()"]
        command += ["--data-file", path, "--validate-version", "1.2", "--focus-dataset", "CostAndUsage"]
        command += ["--block-download", "--applicability-criteria", ",".join(APPLICABLE)]
        command += ["--output-type", "unittest", "--output-destination", report]
        done = subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True)
        if done.returncode != 0 or not os.path.exists(report):
            raise SystemExit(f"{path}: {done.stdout}\n{done.stderr}")
        cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    skipped = [case for case in cases if case.find("skipped") is not None]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    names = sorted({case.get("name").split(" ")[0].split("::")[-1] for case in failed})
    return {"failed": names, "judged": len(cases) - len(skipped)}


# Two at once: each is a process of its own.
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    print(json.dumps(list(pool.map(judge, sys.argv[1:]))))
