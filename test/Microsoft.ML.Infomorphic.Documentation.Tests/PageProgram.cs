using System.Globalization;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;

namespace Microsoft.ML.Infomorphic.Documentation.Tests;

/// <summary>The program of a page's code, as the reader's project compiles and runs it.</summary>
internal static class PageProgram
{
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    public static MethodInfo Compile(string page, string program)
    {
        string[] paths = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var compilation = CSharpCompilation.Create(
            "PageOf" + page.Replace('/', '_'),
            [CSharpSyntaxTree.ParseText(program, options), CSharpSyntaxTree.ParseText(ImplicitUsings, options)],
            paths.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(
                OutputKind.ConsoleApplication,
                nullableContextOptions: NullableContextOptions.Enable
            )
        );
        using var assembly = new MemoryStream();
        EmitResult result = compilation.Emit(assembly);
        string[] problems =
        [
            .. result
                .Diagnostics.Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)
                .Select(diagnostic =>
                    $"{diagnostic.Location.GetMappedLineSpan()}: {diagnostic.GetMessage(CultureInfo.InvariantCulture)}"
                ),
        ];
        Assert.IsEmpty(problems, string.Join('\n', problems));
        assembly.Position = 0;
        // In the default context: ML.NET looks for the types of rows there.
        return AssemblyLoadContext.Default.LoadFromStream(assembly).EntryPoint!;
    }

    /// <summary>
    /// Runs a program in an empty folder that has wine.csv. Changes the current directory and the console's output, which all
    /// tests share.
    /// </summary>
    /// <param name="program">The program.</param>
    /// <param name="check">Checks, in the folder, what the program has written.</param>
    public static void Run(MethodInfo program, Action<string> check)
    {
        string before = Environment.CurrentDirectory;
        TextWriter output = Console.Out;
        string folder = Directory.CreateTempSubdirectory("page").FullName;
        try
        {
            File.Copy(Path.Combine(Repository.Root, "data", "tabular", "wine.csv"), Path.Combine(folder, "wine.csv"));
            Environment.CurrentDirectory = folder;
            using var written = new StringWriter(CultureInfo.InvariantCulture);
            Console.SetOut(written);
            object?[] arguments = program.GetParameters().Length == 0 ? [] : [Array.Empty<string>()];
            (program.Invoke(null, arguments) as Task)?.GetAwaiter().GetResult();
            check(written.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Environment.CurrentDirectory = before;
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }
}
