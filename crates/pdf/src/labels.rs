//! What is printed beside the document's own words, in every language that there is a column for.

use crate::locale::Language;

/// Declares the labels with their texts in the order of [`Language::ALL`]. `{1}`, `{2}`, … stand for what is filled in.
macro_rules! labels {
    ($($name:ident: [$($text:literal),+ $(,)?],)+) => {
        /// Something that is printed in the reader's language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Label {
            $(#[doc = concat!($($text, " · "),+)] $name,)+
        }

        impl Label {
            /// All of them.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),+];

            fn texts(self) -> [&'static str; Language::ALL.len()] {
                match self {
                    $(Self::$name => [$($text),+],)+
                }
            }
        }
    };
}

// English, German, French, Finnish, Swedish, Spanish, Italian, Dutch.
labels! {
    Invoice: ["Invoice", "Rechnung", "Facture", "Lasku", "Faktura", "Factura", "Fattura", "Factuur"],
    CreditNote: ["Credit note", "Gutschrift", "Avoir", "Hyvityslasku", "Kreditfaktura", "Factura rectificativa", "Nota di credito", "Creditnota"],
    Estimate: ["Estimate", "Schätzung", "Estimation", "Arvio", "Uppskattning", "Estimación", "Stima", "Raming"],
    EstimateUntil: [
        "This is an estimate of the usage until {1} (UTC) and no invoice: nothing is to be paid for it, and every amount may still change.",
        "Dies ist eine Schätzung der Nutzung bis {1} (UTC) und keine Rechnung: Es ist nichts zu bezahlen, und jeder Betrag kann sich noch ändern.",
        "Ceci est une estimation de la consommation jusqu’au {1} (UTC) et non une facture : rien n’est à payer et chaque montant peut encore changer.",
        "Tämä on arvio käytöstä {1} (UTC) saakka eikä lasku: mitään ei tarvitse maksaa, ja kaikki summat voivat vielä muuttua.",
        "Detta är en uppskattning av användningen till och med {1} (UTC) och ingen faktura: inget ska betalas och alla belopp kan ändras.",
        "Esta es una estimación del consumo hasta el {1} (UTC) y no una factura: no hay nada que pagar y todos los importes pueden cambiar.",
        "Questa è una stima dei consumi fino al {1} (UTC) e non una fattura: non c’è nulla da pagare e ogni importo può ancora cambiare.",
        "Dit is een raming van het gebruik tot {1} (UTC) en geen factuur: er hoeft niets te worden betaald en elk bedrag kan nog wijzigen.",
    ],
    Number: ["Number", "Nummer", "Numéro", "Numero", "Nummer", "Número", "Numero", "Nummer"],
    IssuedOn: ["Date", "Datum", "Date", "Päiväys", "Datum", "Fecha", "Data", "Datum"],
    DueOn: ["Due date", "Fällig am", "Échéance", "Eräpäivä", "Förfallodag", "Vencimiento", "Scadenza", "Vervaldatum"],
    Period: ["Period (UTC)", "Zeitraum (UTC)", "Période (UTC)", "Laskutuskausi (UTC)", "Period (UTC)", "Periodo (UTC)", "Periodo (UTC)", "Periode (UTC)"],
    Order: ["Order number", "Bestellnummer", "N° de commande", "Tilausnumero", "Ordernummer", "N.º de pedido", "N. ordine", "Inkoopordernummer"],
    Reference: ["Your reference", "Ihre Referenz", "Votre référence", "Viitteenne", "Er referens", "Su referencia", "Vs. riferimento", "Uw referentie"],
    Account: ["Account", "Konto", "Compte", "Tili", "Konto", "Cuenta", "Conto", "Account"],
    BillTo: ["Bill to", "Rechnung an", "Facturé à", "Laskutetaan", "Faktureras", "Facturado a", "Fatturato a", "Factuur aan"],
    From: ["From", "Von", "De", "Lähettäjä", "Från", "De", "Da", "Van"],
    VatId: ["VAT ID", "USt-IdNr.", "N° TVA", "ALV-tunniste", "Momsnr", "NIF-IVA", "P. IVA", "Btw-nr."],
    TaxId: ["Tax ID", "Steuernummer", "N° fiscal", "Verotunniste", "Skattenr", "Id. fiscal", "Id. fiscale", "Fiscaal nr."],
    Description: ["Description", "Beschreibung", "Désignation", "Kuvaus", "Beskrivning", "Descripción", "Descrizione", "Omschrijving"],
    Quantity: ["Quantity", "Menge", "Quantité", "Määrä", "Antal", "Cantidad", "Quantità", "Aantal"],
    UnitPrice: ["Unit price", "Einzelpreis", "Prix unitaire", "À-hinta", "À-pris", "Precio unitario", "Prezzo unitario", "Eenheidsprijs"],
    Before: ["Before discount", "Vor Rabatt", "Avant remise", "Ennen alennusta", "Före rabatt", "Antes del descuento", "Prima dello sconto", "Vóór korting"],
    Discount: ["Discount", "Rabatt", "Remise", "Alennus", "Rabatt", "Descuento", "Sconto", "Korting"],
    Discounts: ["Discounts on services", "Rabatte auf Dienste", "Remises sur les services", "Alennukset palveluista", "Rabatter på tjänster", "Descuentos en servicios", "Sconti sui servizi", "Kortingen op diensten"],
    Amount: ["Amount", "Betrag", "Montant", "Summa", "Belopp", "Importe", "Importo", "Bedrag"],
    Project: ["Project", "Projekt", "Projet", "Projekti", "Projekt", "Proyecto", "Progetto", "Project"],
    Lines: ["Lines", "Positionen", "Lignes", "Rivit", "Rader", "Líneas", "Righe", "Regels"],
    Other: ["Other items", "Weitere Positionen", "Autres lignes", "Muut erät", "Övriga poster", "Otros conceptos", "Altre voci", "Overige posten"],
    SubtotalOf: ["Subtotal {1}", "Zwischensumme {1}", "Sous-total {1}", "Välisumma {1}", "Delsumma {1}", "Subtotal {1}", "Subtotale {1}", "Subtotaal {1}"],
    Subtotal: ["Subtotal before tax", "Summe netto", "Total hors taxes", "Veroton summa", "Summa exkl. skatt", "Base imponible", "Totale imponibile", "Subtotaal excl. belasting"],
    Vat: ["VAT", "USt.", "TVA", "ALV", "Moms", "IVA", "IVA", "Btw"],
    Tax: ["Tax", "Steuer", "Taxe", "Vero", "Skatt", "Impuesto", "Imposta", "Belasting"],
    TaxOn: ["{1} {2} of {3}", "{1} {2} auf {3}", "{1} {2} sur {3}", "{1} {2} summasta {3}", "{1} {2} på {3}", "{1} {2} sobre {3}", "{1} {2} su {3}", "{1} {2} over {3}"],
    TaxTotal: ["Total {1}", "{1} gesamt", "Total {1}", "{1} yhteensä", "Summa {1}", "Total {1}", "Totale {1}", "Totaal {1}"],
    Total: ["Total", "Gesamtbetrag", "Total", "Yhteensä", "Summa", "Total", "Totale", "Totaal"],
    Prepaid: ["Paid in advance: {1}", "Im Voraus bezahlt: {1}", "Payé d’avance : {1}", "Maksettu ennakkoon: {1}", "Betalat i förskott: {1}", "Pagado por adelantado: {1}", "Pagato in anticipo: {1}", "Vooruitbetaald: {1}"],
    PrepaidTotal: ["Paid in advance in total", "Im Voraus bezahlt insgesamt", "Total payé d’avance", "Maksettu ennakkoon yhteensä", "Betalat i förskott totalt", "Total pagado por adelantado", "Totale pagato in anticipo", "Totaal vooruitbetaald"],
    BalanceOf: ["balance of {1}", "Guthaben aus {1}", "solde de {1}", "saldo laskusta {1}", "saldo från {1}", "saldo de {1}", "saldo di {1}", "saldo van {1}"],
    AmountDue: ["Amount due", "Zu zahlen", "Net à payer", "Maksettava", "Att betala", "Importe a pagar", "Importo da pagare", "Te betalen"],
    EstimatedAmount: ["Estimated amount", "Geschätzter Betrag", "Montant estimé", "Arvioitu summa", "Uppskattat belopp", "Importe estimado", "Importo stimato", "Geraamd bedrag"],
    AmountCredited: ["Amount credited", "Gutgeschriebener Betrag", "Montant crédité", "Hyvitetty summa", "Krediterat belopp", "Importe abonado", "Importo accreditato", "Gecrediteerd bedrag"],
    DueBy: ["due by {1}", "fällig am {1}", "à payer avant le {1}", "eräpäivä {1}", "förfaller {1}", "vence el {1}", "scade il {1}", "te betalen vóór {1}"],
    CarriedForward: ["Carried forward to the next invoice", "Vortrag auf die nächste Rechnung", "Report sur la prochaine facture", "Siirretään seuraavalle laskulle", "Överförs till nästa faktura", "Se traslada a la próxima factura", "Riportato alla prossima fattura", "Overgeheveld naar de volgende factuur"],
    ReturnedTo: ["Returned to credit {1} ({2})", "Zurück an Guthaben {1} ({2})", "Rendu à l’avoir {1} ({2})", "Palautetaan hyvitykselle {1} ({2})", "Återförs till tillgodohavande {1} ({2})", "Devuelto al crédito {1} ({2})", "Restituito al credito {1} ({2})", "Terug naar tegoed {1} ({2})"],
    CreditReturned: ["Returned to credit {1}", "Zurück an Guthaben {1}", "Rendu à l’avoir {1}", "Palautetaan hyvitykselle {1}", "Återförs till tillgodohavande {1}", "Devuelto al crédito {1}", "Restituito al credito {1}", "Terug naar tegoed {1}"],
    Adjusts: ["This invoice adjusts", "Diese Rechnung berichtigt", "Cette facture rectifie", "Tämä lasku oikaisee", "Denna faktura justerar", "Esta factura rectifica", "Questa fattura rettifica", "Deze factuur corrigeert"],
    Replaces: ["This invoice replaces", "Diese Rechnung ersetzt", "Cette facture remplace", "Tämä lasku korvaa", "Denna faktura ersätter", "Esta factura sustituye a", "Questa fattura sostituisce", "Deze factuur vervangt"],
    ReissuedAs: ["It is replaced by invoice {1}.", "Sie wird durch die Rechnung {1} ersetzt.", "Elle est remplacée par la facture {1}.", "Sen korvaa lasku {1}.", "Den ersätts av faktura {1}.", "La sustituye la factura {1}.", "È sostituita dalla fattura {1}.", "Zij wordt vervangen door factuur {1}."],
    InvoiceOf: ["invoice {1} of {2}", "Rechnung {1} vom {2}", "la facture {1} du {2}", "laskun {1} ({2})", "faktura {1} av {2}", "la factura {1} del {2}", "la fattura {1} del {2}", "factuur {1} van {2}"],
    InvoiceNumbered: ["invoice {1}", "Rechnung {1}", "la facture {1}", "laskun {1}", "faktura {1}", "la factura {1}", "la fattura {1}", "factuur {1}"],
    Credits: ["This credit note takes back, wholly or in part,", "Diese Gutschrift nimmt ganz oder teilweise zurück:", "Cet avoir annule, en tout ou en partie,", "Tämä hyvityslasku hyvittää kokonaan tai osittain", "Denna kreditfaktura krediterar helt eller delvis", "Esta factura rectificativa anula, total o parcialmente,", "Questa nota di credito storna, in tutto o in parte,", "Deze creditnota crediteert geheel of gedeeltelijk"],
    Reason: ["Reason", "Grund", "Motif", "Syy", "Orsak", "Motivo", "Motivo", "Reden"],
    Corrects: ["Correction for {1}", "Korrektur für {1}", "Correction pour {1}", "Oikaisu kuukaudelle {1}", "Korrigering för {1}", "Corrección de {1}", "Correzione per {1}", "Correctie voor {1}"],
    Late: ["Late usage of {1}", "Nachgereichte Nutzung von {1}", "Consommation tardive de {1}", "Myöhässä ilmoitettu käyttö: {1}", "Sent rapporterad användning i {1}", "Consumo tardío de {1}", "Consumo tardivo di {1}", "Laat gemeld gebruik van {1}"],
    Tier: ["Tier", "Staffel", "Palier", "Porras", "Prisnivå", "Tramo", "Scaglione", "Staffel"],
    DueLess: ["{1} due, {2} billed so far", "{1} geschuldet, {2} bisher berechnet", "{1} dû, {2} déjà facturé", "{1} maksettava, {2} laskutettu", "{1} ska betalas, {2} hittills fakturerat", "{1} debido, {2} ya facturado", "{1} dovuto, {2} già fatturato", "{1} verschuldigd, {2} al gefactureerd"],
    Settled: ["{1} credited by credit notes", "{1} gutgeschrieben", "{1} crédité par avoir", "{1} hyvitetty hyvityslaskuilla", "{1} krediterat", "{1} abonado por rectificativas", "{1} accreditato con note di credito", "{1} gecrediteerd"],
    ConvertedAt: ["Prices in {1} are converted at 1 {1} = {2} {3} ({4}, {5}).", "Preise in {1} sind umgerechnet mit 1 {1} = {2} {3} ({4}, {5}).", "Prix en {1} convertis au cours de 1 {1} = {2} {3} ({4}, {5}).", "Hinnat ({1}) on muunnettu kurssilla 1 {1} = {2} {3} ({4}, {5}).", "Priser i {1} är omräknade med 1 {1} = {2} {3} ({4}, {5}).", "Precios en {1} convertidos a 1 {1} = {2} {3} ({4}, {5}).", "Prezzi in {1} convertiti a 1 {1} = {2} {3} ({4}, {5}).", "Prijzen in {1} zijn omgerekend tegen 1 {1} = {2} {3} ({4}, {5})."],
    BeforeConversion: ["Services come to {1} before conversion.", "Die Dienste betragen vor der Umrechnung {1}.", "Les services s’élèvent à {1} avant conversion.", "Palvelut ovat {1} ennen muuntamista.", "Tjänsterna uppgår till {1} före omräkning.", "Los servicios suman {1} antes de la conversión.", "I servizi ammontano a {1} prima della conversione.", "De diensten bedragen {1} vóór omrekening."],
    Commitment: ["Commitment {1} ({2} – {3}): {4} of {5} spent, {6} left.", "Mindestabnahme {1} ({2} – {3}): {4} von {5} verbraucht, {6} offen.", "Engagement {1} ({2} – {3}) : {4} dépensés sur {5}, reste {6}.", "Sitoumus {1} ({2} – {3}): käytetty {4} / {5}, jäljellä {6}.", "Åtagande {1} ({2} – {3}): {4} av {5} förbrukat, {6} kvar.", "Compromiso {1} ({2} – {3}): {4} de {5} gastados, quedan {6}.", "Impegno {1} ({2} – {3}): {4} di {5} spesi, restano {6}.", "Verplichting {1} ({2} – {3}): {4} van {5} besteed, {6} over."],
    Payment: ["Payment", "Zahlung", "Paiement", "Maksu", "Betalning", "Pago", "Pagamento", "Betaling"],
    ByTransfer: ["Please transfer {1} by {2}.", "Bitte überweisen Sie {1} bis zum {2}.", "Merci de virer {1} avant le {2}.", "Maksakaa {1} viimeistään {2}.", "Vänligen betala {1} senast {2}.", "Transfiera {1} antes del {2}.", "Si prega di versare {1} entro il {2}.", "Gelieve {1} uiterlijk {2} over te maken."],
    TransferSoon: ["Please transfer {1}.", "Bitte überweisen Sie {1}.", "Merci de virer {1}.", "Maksakaa {1}.", "Vänligen betala {1}.", "Transfiera {1}.", "Si prega di versare {1}.", "Gelieve {1} over te maken."],
    ByCard: ["{1} is charged to your card. Nothing needs to be done.", "{1} werden von Ihrer Karte abgebucht. Sie müssen nichts tun.", "{1} sont débités de votre carte. Vous n’avez rien à faire.", "{1} veloitetaan kortiltanne. Teidän ei tarvitse tehdä mitään.", "{1} dras från ert kort. Ni behöver inte göra något.", "Se cargan {1} en su tarjeta. No tiene que hacer nada.", "{1} vengono addebitati sulla vostra carta. Non occorre fare nulla.", "{1} wordt van uw kaart afgeschreven. U hoeft niets te doen."],
    ByMarketplace: ["{1} is collected through {2}.", "{1} werden über den {2} eingezogen.", "{1} sont encaissés via {2}.", "{1} veloitetaan palvelun {2} kautta.", "{1} debiteras via {2}.", "{1} se cobran a través de {2}.", "{1} vengono riscossi tramite {2}.", "{1} wordt geïnd via {2}."],
    NoPayment: ["No payment is expected: this document is for your information.", "Es wird keine Zahlung erwartet: Dieses Dokument dient der Information.", "Aucun paiement n’est attendu : ce document est établi pour information.", "Maksua ei odoteta: asiakirja on tiedoksi.", "Ingen betalning förväntas: dokumentet är för kännedom.", "No se espera ningún pago: este documento es informativo.", "Non è atteso alcun pagamento: documento a titolo informativo.", "Er wordt geen betaling verwacht: dit document is ter informatie."],
    NothingDue: ["Nothing is to be paid.", "Es ist nichts zu bezahlen.", "Rien n’est à payer.", "Mitään ei tarvitse maksaa.", "Inget ska betalas.", "No hay nada que pagar.", "Non c’è nulla da pagare.", "Er hoeft niets te worden betaald."],
    AccountHolder: ["Recipient", "Empfänger", "Bénéficiaire", "Saaja", "Mottagare", "Beneficiario", "Beneficiario", "Begunstigde"],
    Bank: ["Bank", "Bank", "Banque", "Pankki", "Bank", "Banco", "Banca", "Bank"],
    PaymentReference: ["Payment reference", "Verwendungszweck", "Référence du paiement", "Maksun viite", "Betalningsreferens", "Concepto", "Causale", "Betalingskenmerk"],
    ReverseCharge: ["Reverse charge", "Steuerschuldnerschaft des Leistungsempfängers", "Autoliquidation", "Käännetty verovelvollisuus", "Omvänd betalningsskyldighet", "Inversión del sujeto pasivo", "Inversione contabile", "Btw verlegd"],
    Exempt: ["Exempt from tax", "Steuerfrei", "Exonéré de taxe", "Veroton", "Undantagen från skatt", "Exento de impuesto", "Esente da imposta", "Vrijgesteld van belasting"],
    ZeroRated: ["Zero-rated", "Nullsatz", "Taux zéro", "Nollaverokanta", "Nollskattesats", "Tipo cero", "Aliquota zero", "Nultarief"],
    OutsideScope: ["Outside the scope of tax", "Nicht steuerbar", "Hors du champ d’application de la taxe", "Veron soveltamisalan ulkopuolella", "Utanför skattens tillämpningsområde", "No sujeto a impuesto", "Fuori campo di applicazione dell’imposta", "Buiten het toepassingsgebied van de belasting"],
    Page: ["Page {1} of {2}", "Seite {1} von {2}", "Page {1} sur {2}", "Sivu {1}/{2}", "Sida {1} av {2}", "Página {1} de {2}", "Pagina {1} di {2}", "Pagina {1} van {2}"],
    Summary: ["Summary by project", "Übersicht nach Projekten", "Récapitulatif par projet", "Yhteenveto projekteittain", "Sammanställning per projekt", "Resumen por proyecto", "Riepilogo per progetto", "Samenvatting per project"],
    Annex: ["Annex: all lines", "Anhang: alle Positionen", "Annexe : toutes les lignes", "Liite: kaikki rivit", "Bilaga: alla rader", "Anexo: todas las líneas", "Allegato: tutte le righe", "Bijlage: alle regels"],
    Elsewhere: [
        "There are {1} lines, too many to be printed: `{2} --format csv` writes them as a table.",
        "Es sind {1} Positionen, zu viele zum Drucken: `{2} --format csv` schreibt sie als Tabelle.",
        "Il y a {1} lignes, trop pour être imprimées : `{2} --format csv` les écrit dans un tableau.",
        "Rivejä on {1}, liian monta tulostettavaksi: `{2} --format csv` kirjoittaa ne taulukkona.",
        "Det finns {1} rader, för många för att skrivas ut: `{2} --format csv` skriver dem som tabell.",
        "Hay {1} líneas, demasiadas para imprimirlas: `{2} --format csv` las escribe en una tabla.",
        "Ci sono {1} righe, troppe per essere stampate: `{2} --format csv` le scrive in una tabella.",
        "Er zijn {1} regels, te veel om af te drukken: `{2} --format csv` schrijft ze als tabel.",
    ],
    Digest: ["Digest of the document", "Prüfsumme des Dokuments", "Empreinte du document", "Asiakirjan tiiviste", "Dokumentets kontrollsumma", "Huella del documento", "Impronta del documento", "Controlegetal van het document"],
    Verify: ["Verify this invoice with", "Diese Rechnung prüfen Sie mit", "Vérifiez cette facture avec", "Tarkista lasku komennolla", "Kontrollera fakturan med", "Verifique esta factura con", "Verificare questa fattura con", "Controleer deze factuur met"],
    Hour: ["h", "h", "h", "h", "h", "h", "h", "u"],
    Month: ["mo.", "Mon.", "mois", "kk", "mån.", "mes.", "mes.", "mnd."],
    PerHour: ["h", "h", "h", "h", "h", "h", "h", "u"],
    PerMonth: ["month", "Monat", "mois", "kk", "mån", "mes", "mese", "maand"],
    PerUnit: ["unit", "Einh.", "unité", "kpl", "st", "ud.", "unità", "st."],
}

impl Label {
    /// The text in a language.
    pub(crate) fn text(self, language: Language) -> &'static str {
        self.texts()[language as usize]
    }

    /// The text in a language with what is filled in.
    pub(crate) fn fill(self, language: Language, values: &[&str]) -> String {
        fill(self.text(language), values)
    }
}

/// A text with `{1}`, `{2}`, … replaced. What is filled in is never looked into.
fn fill(text: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((number, behind)) = after.split_once('}') else { break };
        let value = number.parse::<usize>().ok().and_then(|number| values.get(number.checked_sub(1)?));
        filled.push_str(value.copied().unwrap_or_default());
        rest = behind;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Label, fill};
    use crate::locale::Language;

    #[test]
    fn every_label_has_a_text_with_the_same_places_in_every_language() {
        let places = |text: &str| text.split('{').skip(1).map(|part| part[..1].to_owned()).collect::<BTreeSet<_>>();
        for label in Label::ALL {
            let english = places(label.text(Language::English));
            for language in Language::ALL {
                let text = label.text(language);
                assert!(!text.trim().is_empty() && text.trim() == text, "{label:?} {language:?}");
                assert_eq!(places(text), english, "{label:?} {language:?}");
            }
        }
    }

    #[test]
    fn what_is_filled_in_is_not_looked_into() {
        assert_eq!(fill("{1} of {2}", &["{2}", "7"]), "{2} of 7");
        assert_eq!(fill("{1} and {1}, {9}", &["a"]), "a and a, ");
    }
}
