using System.Text.Json;
using System.Text.Json.Serialization;
using SampleSupport;

namespace PaperReproduction;

/// <summary>
/// Finished cells, one file each. A file appears complete or not at all, so that whatever is there is finished and an
/// interrupted run goes on where it was.
/// </summary>
/// <typeparam name="TCell">What decides a result.</typeparam>
/// <typeparam name="TResult">A result.</typeparam>
internal class CellStore<TCell, TResult>(string folder)
    where TCell : class, ICell
    where TResult : class, ICellResult<TCell>
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
    private readonly OutputFolder _folder = new(folder);

    /// <summary>The folder's full path.</summary>
    public string Folder => _folder.FullPath;

    /// <summary>Creates the folder.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    public void Create() => _folder.Create();

    /// <summary>The result of a cell, or null where it is not finished.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or holds another cell.</exception>
    public TResult? Find(TCell cell)
    {
        string path = Path.Combine(Folder, cell.FileName);
        if (!File.Exists(path))
            return null;
        TResult result = Read(path);
        return result.Cell.Equals(cell)
            ? result
            : throw new InvalidDataException($"{path} holds another cell than its name says; delete it.");
    }

    /// <summary>Stores a result.</summary>
    public void Add(TResult result)
    {
        // OutputFolder notes what it has written, and several cells may end at once.
        lock (_folder)
            _folder.Write(result.Cell.FileName, stream => JsonSerializer.Serialize(stream, result, s_json));
    }

    /// <summary>All results, in the order of their files' names.</summary>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public IReadOnlyList<TResult> ReadAll() =>
        Directory.Exists(Folder)
            ? [.. Directory.GetFiles(Folder, "*.json").Order(StringComparer.Ordinal).Select(Read)]
            : [];

    private static TResult Read(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return JsonSerializer.Deserialize<TResult>(stream, s_json) ?? throw new JsonException("it holds null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is no result of a cell; delete it to run the cell again.", e);
        }
    }
}

/// <summary>Finished cells of the paper's systems.</summary>
internal sealed class CellStore(string folder) : CellStore<Cell, CellResult>(folder);
