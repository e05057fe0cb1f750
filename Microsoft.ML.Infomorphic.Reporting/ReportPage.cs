using System.Text;
using Microsoft.ML.Infomorphic.Insight;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// A report as a page of HTML, which needs no other file: a Polyglot notebook shows it where a cell ends with it. Immutable.
/// </summary>
[TypeFormatterSource(typeof(NotebookFormatters))]
public sealed class ReportPage
{
    private readonly Func<LayerInsight?, string> _write;
    private readonly Lazy<string> _html;

    /// <param name="insight">The explanation.</param>
    /// <param name="write">Writes the page of a layer; of everything where there is none.</param>
    /// <param name="layer">The only layer that the page shows; null for all.</param>
    internal ReportPage(NetworkInsight insight, Func<LayerInsight?, string> write, LayerInsight? layer = null)
    {
        Insight = insight;
        _write = write;
        _html = new Lazy<string>(() => write(layer));
    }

    /// <summary>The explanation that the report shows, in numbers.</summary>
    public NetworkInsight Insight { get; }

    /// <summary>The page.</summary>
    /// <returns>A whole HTML document.</returns>
    public string ToHtml() => _html.Value;

    /// <summary>The neurons of one layer alone: where their information comes from, and each of them explained.</summary>
    /// <param name="name">The layer's <see cref="LayerInsight.Name"/>: "output", "hidden" or, where there are several, "hidden 1" and so on.</param>
    /// <returns>A page with the report's sections on that layer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer.</exception>
    public ReportPage Layer(string name)
    {
        LayerInsight[] named = [.. Insight.Layers.Where(layer => layer.Name == name)];
        return named.Length > 0
            ? new ReportPage(Insight, _write, named[0])
            : throw new ArgumentOutOfRangeException(
                nameof(name),
                name,
                $"The network has no such layer; its layers are {string.Join(", ", Insight.Layers.Select(layer => $"\"{layer.Name}\""))}."
            );
    }

    /// <summary>Writes the page to a file, whole or not at all.</summary>
    /// <param name="path">The HTML file; one that exists is replaced.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ReportFile.Write(path, Encoding.UTF8.GetBytes(ToHtml()));
    }
}
